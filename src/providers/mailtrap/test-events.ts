/**
 * The ids of the two sending events that Mailtrap's "Run Test" button makes. They are the same for
 * every kind of event, so a second test would look like a conflict with the first.
 */
const TEST_IDS: readonly [string, string] = [
  'bede7236-2284-43d6-a953-1fdcafd0fdbc',
  '657b8544-6a95-4c47-997f-6e47922a5052',
]

export function isMailtrapTestId(eventId: string | undefined): boolean {
  return eventId !== undefined && TEST_IDS.includes(eventId)
}

/** No time: a test is neither old nor new. */
export function makeMailtrapTestEvent(): Record<string, unknown> {
  return {
    event: 'delivery',
    event_id: TEST_IDS[0],
    message_id: '00000000-0000-4000-8000-000000000000',
    email: 'receiver@example.com',
    sending_stream: 'transactional',
    sending_domain_name: 'example.com',
    category: 'mailtrap-receiver doctor',
  }
}

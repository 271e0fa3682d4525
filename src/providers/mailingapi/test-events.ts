/** Of our own making: no document says how the provider's tests look. */
const TEST_ID = 'evt_mailtrap_receiver_test'

export function isMailingApiTestId(eventId: string | undefined): boolean {
  return eventId === TEST_ID
}

/** No time: a test is neither old nor new. */
export function makeMailingApiTestEvent(): Record<string, unknown> {
  return {
    id: TEST_ID,
    type: 'delivered',
    data: { message_id: 'msg_mailtrap_receiver_test', to: 'receiver@example.com' },
  }
}

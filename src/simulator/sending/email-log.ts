import { MAILTRAP_NORMALISED } from '../../providers/mailtrap/describe-event.ts'
import type { SampleEvent } from '../../providers/samples.ts'

/** Mailtrap's e-mail log writes an underscore for the blank of payloads. */
const loggedType = (type: unknown) => String(type).replace(' ', '_')
const LOGGED_TYPES: ReadonlySet<string> = new Set([...MAILTRAP_NORMALISED.keys()].map(loggedType))

const MOST_MESSAGES = 50_000

interface LoggedMessage {
  readonly id: string
  /** Of its first event; milliseconds since 1970. */
  readonly sentAt: number
  /** As they were sent by webhook, the oldest first. */
  readonly events: readonly SampleEvent[]
}

/** What became of e-mails, whether a webhook brought it or not; the newest 50,000 of them. */
export class EmailLog {
  readonly #messages = new Map<string, { id: string; sentAt: number; events: SampleEvent[] }>()

  note(event: SampleEvent): void {
    const { message_id: id, timestamp, event: type } = event as Record<string, unknown>
    const isLogged = LOGGED_TYPES.has(loggedType(type))
    if (!isLogged || typeof id !== 'string' || typeof timestamp !== 'number') return
    const message = this.#messages.get(id) ?? { id, sentAt: timestamp * 1_000, events: [] }
    message.events.push(event)
    this.#messages.set(id, message)
    const [oldest] = this.#messages.keys()
    if (this.#messages.size > MOST_MESSAGES && oldest !== undefined) this.#messages.delete(oldest)
  }

  find(id: string): LoggedMessage | undefined {
    return this.#messages.get(id)
  }

  /** Sent after and before, the newest first. */
  list({ after, before }: { readonly after: number; readonly before: number }): LoggedMessage[] {
    return [...this.#messages.values()]
      .filter(({ sentAt }) => sentAt >= after && sentAt <= before)
      .sort((one, other) => other.sentAt - one.sentAt)
  }
}

/** A message as the list has it. What the simulator does not know is null. */
export function messageJson({ id, sentAt, events: [first = {}, ...others] }: LoggedMessage) {
  const { email, category, custom_variables, sending_stream } = first as Record<string, unknown>
  const names = [first, ...others].map((event) => (event as Record<string, unknown>)['event'])
  return {
    message_id: id,
    status: names.includes('delivery') ? 'delivered' : 'not_delivered',
    subject: null,
    from: 'sender@example.com',
    to: email ?? null,
    sent_at: new Date(sentAt).toISOString(),
    category: category ?? null,
    custom_variables: custom_variables ?? {},
    sending_stream: sending_stream ?? 'transactional',
    opens_count: names.filter((name) => name === 'open').length,
    clicks_count: names.filter((name) => name === 'click').length,
  }
}

/** With its events: they have no id there, and other names for the same. */
export function messageDetailJson(message: LoggedMessage) {
  const events = message.events.map((event) => {
    const fields = event as Record<string, unknown>
    return {
      event_type: loggedType(fields['event']),
      created_at: new Date(Number(fields['timestamp']) * 1_000).toISOString(),
      details: {
        web_ip_address: fields['ip'] ?? null,
        click_url: fields['url'] ?? null,
        email_service_provider_response: fields['response'] ?? null,
        email_service_provider_status: fields['response_code'] ?? null,
        bounce_category: fields['bounce_category'] ?? null,
        reject_reason: fields['reason'] ?? null,
      },
    }
  })
  return { ...messageJson(message), events }
}

/** An event on its way to a broker. */
export interface Message {
  /** By which the handler tells that it failed. */
  readonly item: string
  /** The same for every attempt. */
  readonly id: string
  /** Of the event: the normalised name, or the provider's. */
  readonly type: string
  readonly body: Buffer
}

/** A broker that is connected, or will be. */
export interface Broker {
  /**
   * Resolves with the items that it did not confirm; rejects when it could not be asked. Several
   * calls at once are fine.
   */
  publish(messages: readonly Message[], signal: AbortSignal): Promise<readonly string[]>
}

/** Thrown instead of what a package throws, whose text may hold the address with its password. */
export class PublishError extends Error {
  constructor(text: string) {
    super(text)
    this.name = 'PublishError'
    this.stack = ''
  }
}

/** Of AMQP's 255 bytes of a routing key; the rest is for what stands before it. */
const MAX_SUBJECT = 160
const NOT_ALLOWED = /[^\x21-\x7e]|[*>#]/g

/** Parts of a subject or a routing key are parted by dots and hold neither blanks nor wildcards. */
export function toSubject(type: string): string {
  const parts = type.slice(0, MAX_SUBJECT).replace(NOT_ALLOWED, '_').split('.')
  return parts.filter((part) => part !== '').join('.') || '_'
}

/**
 * Sends messages and waits for their confirmations. Resolves with the items that were not confirmed;
 * when none was, rejects with what `explain` makes of the first reason.
 */
export async function confirmEach(
  messages: readonly Message[],
  send: (message: Message) => Promise<unknown>,
  {
    signal,
    explain,
  }: { readonly signal: AbortSignal; readonly explain: (error: unknown) => string },
): Promise<readonly string[]> {
  const ends = await unlessAborted(Promise.allSettled(messages.map(send)), signal)
  const failed = messages.filter((_, n) => ends[n]?.status === 'rejected')
  if (failed.length < messages.length) return failed.map(({ item }) => item)
  const first = ends.find((end) => end.status === 'rejected')
  throw new PublishError(explain(first?.reason))
}

/** Resolves like `work`, or rejects as soon as `signal` is aborted. */
export async function unlessAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
): Promise<Value> {
  signal.throwIfAborted()
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { withoutStack } from '../../handler-errors.ts'

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
   * Resolves with the items that it did not confirm; rejects when it could not be asked, or confirmed
   * none. Several calls at once are fine.
   */
  publish(messages: readonly Message[], signal: AbortSignal): Promise<readonly string[]>
}

/** How a kind of broker is spoken to, over one connection. */
interface Protocol<Connection> {
  /** As people call it. */
  readonly label: string
  /** `onClose`: to be called once the connection is of no more use. */
  connect(onClose: () => void): Promise<Connection>
  /** Resolves when the broker has confirmed the message. */
  send(connection: Connection, message: Message): Promise<unknown>
  /** What a package's error may be called: its text may hold the address with its password. */
  nameOf(error: Error): string
  /** Of a message that was not confirmed; undefined: what it is called is all there is to say. */
  explain?(error: unknown): string | undefined
}

/** A broker with one connection, which is made when it is needed, and anew once it is closed. */
export function createBroker<Connection>(protocol: Protocol<Connection>): Broker {
  const { label } = protocol
  let opening: Promise<Connection> | undefined

  function open(): Promise<Connection> {
    if (opening) return opening
    // By the time that one is closed, another may be open.
    const forget = () => {
      if (opening === mine) opening = undefined
    }
    const mine = protocol.connect(forget).catch((error) => {
      forget()
      throw publishError(`${label} could not be reached: ${nameOf(error)}.`)
    })
    opening = mine
    return mine
  }

  function nameOf(error: unknown): string {
    if (!(error instanceof Error)) return 'unknown error'
    return 'code' in error && error.code ? String(error.code) : protocol.nameOf(error)
  }

  return {
    async publish(messages, signal) {
      const connection = await unlessAborted(open(), signal)
      const sending = messages.map((message) => protocol.send(connection, message))
      const ends = await unlessAborted(Promise.allSettled(sending), signal)
      const failed = messages.filter((_, n) => ends[n]?.status === 'rejected')
      if (failed.length < messages.length) return failed.map(({ item }) => item)
      const reason: unknown = ends.find((end) => end.status === 'rejected')?.reason
      throw publishError(
        protocol.explain?.(reason) ?? `${label} did not confirm the events: ${nameOf(reason)}.`,
      )
    },
  }
}

/** Thrown instead of what a package throws, whose text may hold the address with its password. */
const publishError = (text: string) => withoutStack(new Error(text), 'PublishError')

/** Of AMQP's 255 bytes of a routing key; the rest is for what stands before it. */
const MAX_SUBJECT = 160
const NOT_ALLOWED = /[^\x21-\x7e]|[*>#]/g

/** Parts of a subject or a routing key are parted by dots and hold neither blanks nor wildcards. */
export function toSubject(type: string): string {
  const parts = type.slice(0, MAX_SUBJECT).replace(NOT_ALLOWED, '_').split('.')
  return parts.filter((part) => part !== '').join('.') || '_'
}

/** Resolves like `work`, or rejects as soon as `signal` is aborted. */
async function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
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

/**
 * A package that the receiver does not bring: installed beside it, or in the working directory.
 * @throws Error that says how to install it.
 */
export async function loadPackage<Module>(
  name: string,
  /** All that the kind of broker needs, with versions: what else is missing is not told afterwards. */
  toInstall: string,
  workingDirectory = process.cwd(),
): Promise<Module> {
  const beside = () => import(name)
  const installed = () => {
    const { resolve } = createRequire(join(workingDirectory, 'package.json'))
    return import(pathToFileURL(resolve(name)).href)
  }
  for (const load of [beside, installed]) {
    try {
      return (await load()) as Module
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
  throw new Error(`The package ${name} is not installed. Run: npm install ${toInstall}`)
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
}

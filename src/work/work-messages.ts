import type {
  Batch,
  HandlerRegistration,
  HandlerSettings,
  HashedBody,
  Redaction,
} from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import type { Answer, Failure } from '../thread-calls.ts'

/** What the work thread is started with. */
export interface WorkThreadData {
  readonly store:
    | { readonly engine: 'sqlite'; readonly file: string }
    | { readonly engine: 'postgres'; readonly url: string }
  readonly leaseMs: number
}

/** What is to be run, and how. */
export interface WorkRules {
  readonly handlers: readonly HandlerSettings[]
  /** The whole environment of the handlers' processes. Must hold no secret of the receiver. */
  readonly childEnv: Readonly<Record<string, string | undefined>>
  readonly redaction: Redaction | undefined
  /** Load a handler again whenever its code changes. */
  readonly followsCode: boolean
}

/** Main thread to work thread. */
export type WorkOrder =
  | { readonly kind: 'append'; readonly id: number; readonly batch: Batch }
  /** An operation of the store, or of the thread itself; see `work-thread.ts`. */
  | {
      readonly kind: 'ask'
      readonly id: number
      readonly operation: string
      readonly args: readonly unknown[]
    }
  /** A batch was appended to the shared store: this one, so that it need not be read back. */
  | { readonly kind: 'appended'; readonly batch?: HashedBody }

/** Something that happened, for the observer. */
export type Fact = {
  [Name in keyof Observer]: readonly [name: Name, fact: Parameters<Observer[Name]>[0]]
}[keyof Observer]

/** Work thread to main thread; any fields together. */
export interface WorkNews {
  /** Batches that are on disk. */
  readonly kept?: readonly number[]
  /** Of what was asked; and of batches that could not be kept. */
  readonly answers?: readonly Answer[]
  readonly facts?: readonly Fact[]
  /** The store's health has changed. */
  readonly health?: { readonly failure: Failure | undefined; readonly since: number | undefined }
  readonly registrations?: readonly HandlerRegistration[]
  /** How many handlers cannot be started, or end again and again. */
  readonly broken?: number
}

/** How much may be on its way to a thread that says nothing meanwhile, and so may not have come to it. */
export class SendingRoom {
  readonly #mostBytes: number
  #bytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Whether there is room for so many bytes, which are on their way then. */
  take(bytes: number): boolean {
    const hasRoom = this.#bytes + bytes <= this.#mostBytes
    if (hasRoom) this.#bytes += bytes
    return hasRoom
  }

  /** It has said something. */
  clear(): void {
    this.#bytes = 0
  }
}

/** Memory that may move to the other thread instead of being copied: bytes that own all of it. */
export function moveableBytes(value: unknown): ArrayBuffer[] {
  if (!(value instanceof Uint8Array) || !(value.buffer instanceof ArrayBuffer)) return []
  return value.byteLength === value.buffer.byteLength ? [value.buffer] : []
}

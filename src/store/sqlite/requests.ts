import type { MessagePort } from 'node:worker_threads'
import { type ErrorCode, ReceiverError } from '../../errors.ts'
import type { StoreCommit, StoreHint } from '../store.ts'
import type { StepResult } from './transactions.ts'

/** What a client asks of a store thread. `connect` hands over a port for one more client. */
export interface StoreRequest {
  readonly id: number
  readonly operation: string
  readonly args: readonly unknown[]
}

interface StoreFailure {
  readonly code: ErrorCode
  readonly detail: string
}

export type StoreAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: StoreFailure }

/** What a store thread says: that it is open or could not be, answers in groups, and hints. */
export interface StoreNews {
  readonly isOpen?: true
  readonly failure?: StoreFailure
  readonly answers?: readonly StoreAnswer[]
  /** Since the last time, told to one client only. */
  readonly commits?: readonly StoreCommit[]
  readonly hint?: StoreHint
}

/** What a store thread is started with. */
export interface StoreThreadData {
  readonly file: string
}

/** A request, and where its answer goes. */
export interface Waiting extends StoreRequest {
  readonly port: MessagePort
}

export function toFailure(error: ReceiverError): StoreFailure {
  return { code: error.code, detail: error.detail ?? '' }
}

export function toError({ code, detail }: StoreFailure): ReceiverError {
  return new ReceiverError(code, { detail })
}

/** Sends every result to whoever asked, in one message to each. */
export function answer(
  group: readonly Waiting[],
  results: readonly StepResult<unknown>[],
  commitsFor: (port: MessagePort) => readonly StoreCommit[] = () => [],
): void {
  const byPort = new Map<MessagePort, StoreAnswer[]>()
  for (const [index, { id, port }] of group.entries()) {
    const result = results[index]
    if (!result) continue
    const answers = byPort.get(port) ?? []
    byPort.set(port, answers)
    answers.push(
      'value' in result ? { id, value: result.value } : { id, error: toFailure(result.error) },
    )
  }
  for (const [port, answers] of byPort) {
    const moved = answers.flatMap((one) => ('value' in one ? moveableBytes(one.value) : []))
    const commits = commitsFor(port)
    port.postMessage({ answers, commits } satisfies StoreNews, moved)
  }
}

/** Memory that may move to the other thread instead of being copied: bytes that own all of it. */
export function moveableBytes(value: unknown): ArrayBuffer[] {
  const bytes =
    value instanceof Uint8Array ? value : (value as { body?: unknown } | undefined)?.body
  if (!(bytes instanceof Uint8Array) || !(bytes.buffer instanceof ArrayBuffer)) return []
  return bytes.byteLength === bytes.buffer.byteLength ? [bytes.buffer] : []
}

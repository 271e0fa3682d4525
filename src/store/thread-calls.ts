import { type MessagePort, Worker } from 'node:worker_threads'
import type { EntryPoint } from '../entry-point.ts'
import { type ErrorCode, ReceiverError } from '../errors.ts'

/** `id` 0 is nobody's: the thread says by it that its file is open, or cannot be. */
export interface Call<Operation = string> {
  readonly id: number
  readonly operation: Operation
  readonly args: readonly unknown[]
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly failure?: { readonly code: ErrorCode; readonly detail: string | undefined }
}

/** What a thread does on a file of its own. */
export type CalledThread<Operations> = Operations & {
  /** Resolves once it has answered `close`. */
  close(): Promise<void>
}

/** Resolves when the thread's file is open. Whatever it did not answer when it ends is `store_closed`. */
export async function startCalledThread<Operations>(
  { url, execArgv }: EntryPoint,
  file: string,
  names: readonly (keyof Operations & string)[],
): Promise<CalledThread<Operations>> {
  const thread = new Worker(url, { execArgv: [...execArgv], workerData: { file } })
  const callers = new Map<number, Caller>()
  let lastId = 0
  let hasEnded = false

  const opened = new Promise<unknown>((resolve, reject) => callers.set(0, { resolve, reject }))
  thread.on('message', ({ id, value, failure }: Answer) => {
    const caller = callers.get(id)
    callers.delete(id)
    if (failure) caller?.reject(toError(failure))
    else caller?.resolve(value)
  })
  thread.on('error', end)
  thread.on('exit', end)

  function end(): void {
    hasEnded = true
    for (const { reject } of callers.values()) reject(new ReceiverError('store_closed'))
    callers.clear()
  }

  function call(operation: string, ...args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (hasEnded) return reject(new ReceiverError('store_closed'))
      const id = ++lastId
      callers.set(id, { resolve, reject })
      thread.postMessage({ id, operation, args } satisfies Call)
    })
  }

  await opened
  const operations = names.map((name) => [name, (...args: unknown[]) => call(name, ...args)])
  return {
    ...(Object.fromEntries(operations) as Operations),
    async close() {
      if (hasEnded) return
      await call('close').catch(() => {})
      await thread.terminate()
    },
  }
}

interface Caller {
  resolve(value: unknown): void
  reject(error: ReceiverError): void
}

function toError({ code, detail }: NonNullable<Answer['failure']>): ReceiverError {
  return new ReceiverError(code, detail === undefined ? {} : { detail })
}

/** The thread's side. */
export function answerCall(port: MessagePort, id: number, value?: unknown): void {
  port.postMessage({ id, value } satisfies Answer)
}

export function failCall(port: MessagePort, id: number, { code, detail }: ReceiverError): void {
  port.postMessage({ id, failure: { code, detail } } satisfies Answer)
}

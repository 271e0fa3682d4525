import type { MessagePort, Worker } from 'node:worker_threads'
import { ReceiverError } from '../../errors.ts'
import type { StoreCommit, StoreHint } from '../store.ts'
import { moveableBytes, type StoreNews, type StoreRequest, toError } from './requests.ts'

/** Asks a store thread, over its worker or over a port that it was handed. */
export interface ThreadClient {
  ask<Value>(operation: string, ...args: readonly unknown[]): Promise<Value>
  /** Gives the thread a port for one more client. */
  handOver(port: MessagePort): void
  onHint(listener: (hint: StoreHint) => void): () => void
  /** Rejects what still waits. */
  end(): void
}

interface Asker {
  resolve(value: never): void
  reject(error: ReceiverError): void
}

export function createThreadClient(
  channel: Worker | MessagePort,
  onCommit: (commit: StoreCommit) => void = () => {},
): ThreadClient {
  const askers = new Map<number, Asker>()
  const listeners = new Set<(hint: StoreHint) => void>()
  let lastId = 0
  let hasEnded = false

  channel.on('message', ({ answers, commits, hint }: StoreNews) => {
    for (const one of answers ?? []) {
      const asker = askers.get(one.id)
      askers.delete(one.id)
      if ('value' in one) asker?.resolve(one.value as never)
      else asker?.reject(toError(one.error))
    }
    for (const commit of commits ?? []) onCommit(commit)
    if (hint) for (const listener of listeners) listener(hint)
  })
  channel.on('close', end)
  channel.on('exit', end)

  function end(): void {
    hasEnded = true
    for (const { reject } of askers.values()) reject(new ReceiverError('store_closed'))
    askers.clear()
  }

  return {
    ask: (operation, ...args) =>
      new Promise((resolve, reject) => {
        if (hasEnded) return reject(new ReceiverError('store_closed'))
        const id = ++lastId
        askers.set(id, { resolve, reject })
        const request: StoreRequest = { id, operation, args }
        channel.postMessage(request, args.flatMap(moveableBytes))
      }),
    handOver: (port) => {
      const request: StoreRequest = { id: 0, operation: 'connect', args: [port] }
      channel.postMessage(request, [port])
    },
    onHint: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    end,
  }
}

import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from '../../simulator/create-poster.ts'
import type { OutgoingBatch } from '../../simulator/pack-batch.ts'

export interface SendOptions {
  readonly connections: number
  readonly send: (batch: OutgoingBatch) => Promise<Answer>
  readonly onAnswer: (batch: OutgoingBatch, answer: Answer) => void
  /** No batch is begun after it; those under way get their answers. */
  readonly stopped: AbortSignal
}

/** Sends batches, as many at a time as there are connections; takes the next when it can send it. */
export async function sendBatches(
  batches: AsyncIterable<OutgoingBatch>,
  { connections, send, onAnswer, stopped }: SendOptions,
): Promise<void> {
  const iterator = batches[Symbol.asyncIterator]()
  const sendOn = async () => {
    while (!stopped.aborted) {
      const { value: batch, done } = await iterator.next()
      if (done || stopped.aborted) return
      onAnswer(batch, await send(batch))
    }
  }
  // Where one meets the end of what could be read, the others still get their answers.
  const ends = await Promise.allSettled(Array.from({ length: connections }, sendOn))
  await iterator.return?.()
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

export interface PaceOptions {
  readonly eventsPerSecond: number
  /** Milliseconds, never backwards. */
  readonly elapsedMs: () => number
  readonly stopped: AbortSignal
}

/** Holds batches back, so that no more than so many events are sent a second. */
export async function* paceBatches(
  batches: AsyncIterable<OutgoingBatch>,
  { eventsPerSecond, elapsedMs, stopped }: PaceOptions,
): AsyncGenerator<OutgoingBatch> {
  const startedAt = elapsedMs()
  let sent = 0
  for await (const batch of batches) {
    const dueAt = startedAt + (sent / eventsPerSecond) * 1_000
    const early = dueAt - elapsedMs()
    // An abort only ends the waiting; the sender looks at the signal itself.
    if (early > 0) await wait(early, undefined, { signal: stopped }).catch(() => {})
    if (stopped.aborted) return
    sent += batch.events ?? 1
    yield batch
  }
}

import { randomUUID } from 'node:crypto'
import { Agent } from 'node:http'
import { expect } from 'vitest'
import { type Answer, sendSigned } from '../receive/send-request.ts'
import type { AdminApi } from './admin-api.ts'

/** Sends batches of new events, and remembers which of them were acknowledged. */
export interface EventSender {
  readonly acknowledged: ReadonlySet<string>
  /** Undefined: the connection broke, and nothing is known of the batch. */
  send(): Promise<Answer | undefined>
}

export function createEventSender(
  publicUrl: string,
  options: { eventsPerBatch?: number; note?: string; keepsConnections?: boolean } = {},
): EventSender {
  const { eventsPerBatch = 10, note = '', keepsConnections = false } = options
  const agent = keepsConnections && new Agent({ keepAlive: true })
  const port = Number(new URL(publicUrl).port)
  const acknowledged = new Set<string>()
  return {
    acknowledged,
    async send() {
      const ids = Array.from({ length: eventsPerBatch }, () => randomUUID())
      const events = ids.map((id) => ({ event: 'open', event_id: id, note }))
      const body = JSON.stringify({ events })
      const answer = await sendSigned(port, body, { agent }).catch(() => undefined)
      if (answer?.status === 200) for (const id of ids) acknowledged.add(id)
      return answer
    },
  }
}

/** Waits until all is handled, and finds every acknowledged event among what was. */
export async function expectAllHandled(
  api: AdminApi,
  acknowledged: ReadonlySet<string>,
  patience?: { timeout: number },
): Promise<void> {
  const { events } = await api.whenIdle(patience)
  expect(events.by_state).toMatchObject({ done: events.total, pending: 0, dead: 0 })
  const handled = new Set((await api.events()).map((event) => event.event_id))
  expect(handled.size).toBe(events.total)
  expect([...acknowledged].filter((id) => !handled.has(id))).toEqual([])
}

import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { keep, sampleEvent } from '../store/sample-rows.ts'
import { openSqliteStore } from '../store/sqlite-harness.ts'

const QUARTER_MS = 900_000
const TYPES = [
  ['delivery', 9],
  ['open', 5],
  ['click', 2],
  ['bounce', 1],
  ['soft bounce', 1],
  ['spam', 0.4],
  ['unsubscribe', 0.5],
] as const

/** A day of events, more of them at noon: something to draw. */
export async function seedHistory(dataDir: string): Promise<void> {
  mkdirSync(dataDir, { recursive: true })
  const store = await openSqliteStore(dataDir)
  try {
    for (let quarter = 95; quarter > 0; quarter--) {
      const swing = 1.2 + Math.sin(quarter / 12) + 0.4 * Math.sin(quarter * 2)
      const events = TYPES.flatMap(([type, n]) =>
        Array.from({ length: Math.round(n * Math.max(0, swing)) }, () =>
          sampleEvent({
            type,
            name: undefined,
            handlers: [],
            payload: JSON.stringify({ event: type, event_id: randomUUID() }),
          }),
        ),
      )
      await keep(store, events, { receivedAt: Date.now() - quarter * QUARTER_MS })
    }
  } finally {
    store.close()
  }
}

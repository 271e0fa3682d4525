import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from '../../src/store/open-store.ts'
import { sampleBatch, sampleEvent, wholeChunk } from '../store/sample-rows.ts'

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
  const store = await openStore({ storeFile: join(dataDir, 'receiver.db') })
  try {
    for (let quarter = 95; quarter > 0; quarter--) {
      const batch = sampleBatch({ receivedAt: Date.now() - quarter * QUARTER_MS })
      await store.append(batch)
      const swing = 1.2 + Math.sin(quarter / 12) + 0.4 * Math.sin(quarter * 2)
      const events = TYPES.flatMap(([type, n]) =>
        Array.from({ length: Math.round(n * Math.max(0, swing)) }, () =>
          sampleEvent({
            type,
            name: undefined,
            handlers: [],
            payload: JSON.stringify({ event: type }),
          }),
        ),
      )
      await store.commitChunk(wholeChunk(batch.id, { events }))
    }
  } finally {
    await store.close()
  }
}

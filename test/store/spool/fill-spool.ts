import { writeSync } from 'node:fs'
import { createSpool } from '../../../src/store/spool.ts'
import { createRecordingObserver } from '../../dispatch/recording-observer.ts'
import { sampleBatch } from '../sample-rows.ts'
import { createFakeStore } from './fake-store.ts'

// Started by kill.test.ts: fills a spool as fast as it can, and tells every batch it acknowledges.
const spool = createSpool({
  shared: createFakeStore('down'),
  directory: process.argv[2] ?? '',
  observer: createRecordingObserver(),
  onBroken: () => {},
  now: Date.now,
})
await spool.start()
async function fill(): Promise<void> {
  for (;;) {
    const batch = sampleBatch()
    await spool.append(batch)
    writeSync(1, `${batch.id}\n`)
  }
}
for (let sender = 0; sender < 8; sender++) void fill()

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openForWriting } from '../../../src/store/sqlite/open-database.ts'
import { createTransactions } from '../../../src/store/sqlite/transactions.ts'
import { createWriter } from '../../../src/store/sqlite/writer.ts'
import type { StoreCommit } from '../../../src/store/store.ts'
import { sampleBatch } from '../sample-rows.ts'

async function open() {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-transactions-'))
  const db = await openForWriting(join(folder, 'receiver.db'))
  onTestFinished(() => {
    db.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const { runTogether, onEnd } = createTransactions(db)
  const clocks = { now: Date.now, elapsedMs: () => performance.now() }
  const { operations } = createWriter(db, { ...clocks, hint: () => {}, onEnd })
  const append = (...bodies: string[]) =>
    runTogether(
      bodies.map((body) => ({
        run: () =>
          operations.append(sampleBatch({ id: body.slice(0, 9), body: Buffer.from(body) })),
      })),
    )
  const count = () => (db.prepare('SELECT count(*) AS n FROM batches').get() as { n: number }).n
  const setPages = (more: number) => {
    const { page_count } = db.prepare('PRAGMA page_count').get() as { page_count: number }
    db.exec(`PRAGMA max_page_count = ${page_count + more}`)
  }
  const readSync = () =>
    (db.prepare('PRAGMA synchronous').get() as { synchronous: number }).synchronous
  return { append, count, setPages, readSync, runTogether, operations, db }
}

it('says of a database that may not grow that it is full, keeps nothing, and goes on later', async () => {
  const { append, count, setPages } = await open()
  expect(append('batch-001')).toEqual([{ value: undefined }])

  setPages(2)
  const large = `batch-002${'x'.repeat(100_000)}`
  expect(append(large)).toMatchObject([{ error: { code: 'store_full' } }])
  const together = append('batch-003', large, 'batch-004')
  const kept = together.filter((result) => 'value' in result).length
  expect(together[1]).toMatchObject({ error: { code: 'store_full' } })
  expect(count()).toBe(1 + kept)

  setPages(1_000)
  expect(append(large)).toEqual([{ value: undefined }])
  expect(count()).toBe(2 + kept)
})

it('waits for the disk unless it is told that the work may be done again', async () => {
  const { runTogether, readSync } = await open()
  const look = [{ run: readSync }]

  expect(runTogether(look, 'NORMAL')).toEqual([{ value: 1 }])
  expect(runTogether(look)).toEqual([{ value: 2 }])
})

it('tells what it can never take from what it cannot take now, and keeps the rest', async () => {
  const { runTogether, operations, count } = await open()
  const nameless = { ...sampleBatch({ id: 'batch-001' }), source: null as never }

  expect(
    runTogether([
      { run: () => operations.append(nameless) },
      { run: () => operations.append(sampleBatch({ id: 'batch-002' })) },
    ]),
  ).toMatchObject([{ error: { code: 'store_refused' } }, { value: undefined }])
  expect(count()).toBe(1)
})

it('tells of a commit and its sync, and nothing of what was rolled back', async () => {
  const { db } = await open()
  const told: StoreCommit[] = []
  const times = [1, 4, 9, 16, 25, 36, 49]
  const { runTogether } = createTransactions(db, {
    onCommit: (commit) => told.push(commit),
    now: () => times.shift() ?? Number.NaN,
  })
  runTogether([{ run: () => 1 }])
  runTogether([{ run: () => 1 }], 'NORMAL')
  // A second one cannot begin.
  db.exec('BEGIN')
  expect(runTogether([{ run: () => 1 }])[0]).toHaveProperty('error')
  expect(told).toEqual([
    { isDurable: true, durationMs: 9 - 1, syncMs: 9 - 4 },
    { isDurable: false, durationMs: 36 - 16, syncMs: 36 - 25 },
  ])
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ClaimedJob } from '../../../src/model.ts'
import { type Columns, fromColumns, toColumns } from '../../../src/store/sqlite/columns.ts'
import { openForWriting } from '../../../src/store/sqlite/open-database.ts'
import { createTransactions } from '../../../src/store/sqlite/transactions.ts'
import { createWriter } from '../../../src/store/sqlite/writer.ts'
import { sampleBatch, sampleEvent, wholeChunk } from '../sample-rows.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** One job of one handler, with clocks that the test sets. */
async function openWithJob() {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-clock-'))
  const db = await openForWriting(join(folder, 'receiver.db'))
  onTestFinished(() => {
    db.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const { runTogether, onEnd } = createTransactions(db)
  let wall = Date.UTC(2026, 0, 17, 12)
  let elapsed = 0
  const { operations } = createWriter(db, {
    now: () => wall,
    elapsedMs: () => elapsed,
    hint: () => {},
    onEnd,
  })

  function inTransaction<Value>(run: () => Value): Value {
    const [result] = runTogether([{ run }])
    if (!result || !('value' in result)) throw result?.error
    return result.value
  }
  const claim = (): readonly ClaimedJob[] => {
    const request = { handler: 'counter', limit: 10, leaseMs: MINUTE_MS }
    return fromColumns(inTransaction(() => operations.claim(request)) as Columns)
  }
  const batch = sampleBatch()
  inTransaction(() => operations.append(batch))
  const { events, ...chunk } = wholeChunk(batch.id, { events: [sampleEvent()] })
  inTransaction(() => operations.commitChunk({ ...chunk, events: toColumns(events) }))

  return {
    claim,
    /** The job fails, and is to be tried again after `delayMs`. */
    retry([job]: readonly ClaimedJob[], delayMs: number): void {
      if (!job) throw new Error('There was no job.')
      const { event, handler, attempt, fence } = job
      const outcome = { kind: 'retry', delayMs, error: 'x' } as const
      const settled = { event, handler, attempt, fence, durationMs: 1, outcome }
      inTransaction(() => operations.settle(toColumns([settled])))
    },
    failOnce: () =>
      runTogether([
        {
          run() {
            operations.claim({ handler: 'counter', limit: 10, leaseMs: MINUTE_MS })
            throw new Error('a disk, say')
          },
        },
      ]),
    pass(ms: number): void {
      wall += ms
      elapsed += ms
    },
    step(ms: number): void {
      wall += ms
    },
  }
}

describe('a wall clock that is set back', () => {
  it('holds up no job that waits for its next attempt', async () => {
    const { claim, retry, pass, step } = await openWithJob()
    retry(claim(), MINUTE_MS)
    step(-HOUR_MS)
    pass(MINUTE_MS - 1)
    expect(claim()).toHaveLength(0)
    pass(1)
    expect(claim()).toHaveLength(1)
  })

  it('shortens no wait that begins after it', async () => {
    const { claim, retry, pass, step } = await openWithJob()
    const jobs = claim()
    step(-HOUR_MS)
    retry(jobs, MINUTE_MS)
    pass(MINUTE_MS - 1)
    expect(claim()).toHaveLength(0)
    pass(1)
    expect(claim()).toHaveLength(1)
  })

  it('is still known when the first transaction after it fails', async () => {
    const { claim, retry, pass, step, failOnce } = await openWithJob()
    retry(claim(), MINUTE_MS)
    step(-HOUR_MS)
    expect(failOnce()).toMatchObject([{ error: {} }])
    pass(MINUTE_MS)
    expect(claim()).toHaveLength(1)
  })

  it('little by little holds them up by no more than a second', async () => {
    const { claim, retry, pass, step } = await openWithJob()
    retry(claim(), MINUTE_MS)
    for (let times = 0; times < 100; times++) {
      step(-100)
      expect(claim()).toHaveLength(0)
    }
    pass(MINUTE_MS + 1_000)
    expect(claim()).toHaveLength(1)
  })
})

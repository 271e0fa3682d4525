import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { createCounters } from '../../../src/store/sqlite/counters.ts'
import { openForWriting } from '../../../src/store/sqlite/open-database.ts'
import { createTransactions } from '../../../src/store/sqlite/transactions.ts'
import type { StoreCommit } from '../../../src/store/store.ts'
import { onTestFinished } from '../../on-test-finished.ts'

async function open() {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-transactions-'))
  const db = await openForWriting(join(folder, 'receiver.db'))
  onTestFinished(() => {
    db.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const transactions = createTransactions(db)
  const insert = db.prepare('INSERT INTO bodies VALUES (?, ?)')
  const put = (batch: number, body: unknown) => void insert.run(batch, body as Uint8Array)
  const count = () => (db.prepare('SELECT count(*) AS n FROM bodies').get() as { n: number }).n
  const setPages = (more: number) => {
    const { page_count } = db.prepare('PRAGMA page_count').get() as { page_count: number }
    db.exec(`PRAGMA max_page_count = ${page_count + more}`)
  }
  const readSync = () =>
    (db.prepare('PRAGMA synchronous').get() as { synchronous: number }).synchronous
  return { db, transactions, put, count, setPages, readSync }
}

const failing = (code: string) => expect.objectContaining({ code })
const LARGE = Buffer.alloc(100_000, 'x')

describe('a transaction', () => {
  it('says of a database that may not grow that it is full, keeps nothing, and goes on later', async () => {
    const { transactions, put, count, setPages } = await open()
    transactions.run('FULL', () => put(1, Buffer.from('a')))
    setPages(2)
    const fill = () =>
      transactions.run('FULL', () => {
        put(2, Buffer.from('b'))
        put(3, LARGE)
      })
    expect(fill).toThrow(failing('store_full'))
    expect(count()).toBe(1)
    setPages(1_000)
    fill()
    expect(count()).toBe(3)
  })

  it('waits for the disk, or not, as it is told', async () => {
    const { transactions, readSync } = await open()
    expect(transactions.run('NORMAL', readSync)).toBe(1)
    expect(transactions.run('FULL', readSync)).toBe(2)
    expect(transactions.run('NORMAL', readSync)).toBe(1)
    expect(transactions.outside(readSync)).toBe(2)
  })

  it('undoes a part that the store refuses, and keeps the rest', async () => {
    const { transactions, put, count } = await open()
    const endings = { kept: vi.fn(), undone: vi.fn() }
    transactions.run('FULL', () => {
      put(1, LARGE)
      transactions.onEnd(endings.kept)
      const part = () =>
        transactions.apart(() => {
          put(2, LARGE)
          transactions.onEnd(endings.undone)
          put(3, null)
        })
      expect(part).toThrow(failing('store_refused'))
      expect(endings.undone).toHaveBeenCalledWith(false)
      transactions.apart(() => put(4, LARGE))
    })
    expect(count()).toBe(2)
    expect(endings.kept.mock.calls).toEqual([[true]])
    expect(endings.undone).toHaveBeenCalledTimes(1)
  })

  it('fails as a whole when a full disk ends it in a part', async () => {
    const { transactions, put, count, setPages } = await open()
    setPages(2)
    const ending = vi.fn()
    expect(() =>
      transactions.run('FULL', () => {
        transactions.onEnd(ending)
        put(1, Buffer.from('a'))
        transactions.apart(() => put(2, LARGE))
      }),
    ).toThrow(failing('store_full'))
    expect(count()).toBe(0)
    expect(ending.mock.calls).toEqual([[false]])
  })

  it('tells of a commit and its sync, and nothing of what was rolled back', async () => {
    const { db } = await open()
    const told: StoreCommit[] = []
    const times = [1, 4, 9, 16, 25, 36, 49]
    const { run } = createTransactions(db, {
      onCommit: (commit) => told.push(commit),
      elapsedMs: () => times.shift() ?? Number.NaN,
    })
    run('FULL', () => 1)
    run('NORMAL', () => 1)
    expect(() =>
      run('FULL', () => {
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(told).toEqual([
      { isDurable: true, durationMs: 9 - 1, syncMs: 9 - 4 },
      { isDurable: false, durationMs: 36 - 16, syncMs: 36 - 25 },
    ])
  })
})

describe('counters', () => {
  it('are what was committed, in memory and in the file, whatever was rolled back', async () => {
    const { db, transactions } = await open()
    const counters = createCounters(db, transactions)
    const stored = () => createCounters(db, transactions).get('events')
    transactions.run('NORMAL', () => counters.add('events', 2))
    expect(() =>
      transactions.run('NORMAL', () => {
        counters.add('events', 5)
        counters.set('other', 1)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect([counters.get('events'), counters.get('other'), stored()]).toEqual([2, 0, 2])
    transactions.run('NORMAL', () => {
      counters.add('events', 1)
      counters.add('events', 1)
    })
    expect([counters.get('events'), stored()]).toEqual([4, 4])
  })
})

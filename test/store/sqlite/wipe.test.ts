import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openForWriting } from '../../../src/store/sqlite/open-database.ts'
import { createTransactions } from '../../../src/store/sqlite/transactions.ts'
import { createWiping, wipeFile } from '../../../src/store/sqlite/wipe.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { claimOf, keep, progressOf, sampleEvent, samplePiece } from '../sample-rows.ts'
import {
  newDirectory,
  openSqliteStore,
  removeDirectory,
  type SqliteStore,
} from '../sqlite-harness.ts'

const PEOPLE = 400
const addressOf = (person: number) =>
  `${createHash('sha256').update(`${person}`).digest('hex').slice(0, 12)}@example.com`

describe('the files of a SQLite store', () => {
  let store: SqliteStore
  beforeEach(async () => {
    store = await openSqliteStore()
  })
  afterEach(() => {
    store.close()
    removeDirectory(store.directory)
  })

  const wipe = (...traces: string[]) =>
    wipeFile(store.file, traces, async (step) => store.wipe(step))

  /** What every file holds at this moment. */
  function readFiles(): string {
    const files = readdirSync(store.directory).map((name) =>
      readFileSync(join(store.directory, name)),
    )
    return Buffer.concat(files).toString('latin1').toLowerCase()
  }

  /** Bodies that fill pages of their own and bodies that share one, with errors and broken pieces. */
  async function fill(rounds: number) {
    for (let round = 0; round < rounds; round++) {
      const people = Array.from({ length: round % 3 === 0 ? 1 : 60 }, (_, index) =>
        addressOf((round * 7 + index * 13) % PEOPLE),
      )
      const events = people.map((recipient) =>
        sampleEvent({ recipient, payload: JSON.stringify({ email: recipient }) }),
      )
      await keep(store, [...events, samplePiece({ content: Buffer.from(people[0] ?? '') })])
      const [run] = store.claimRuns(claimOf('counter'))
      const ids = run!.events.map(({ event }) => event)
      const dead = { kind: 'dead', error: `no ${people[round % people.length]}` } as const
      const progress = [
        progressOf(
          run!,
          { kind: 'done' },
          ids.filter((id) => id % 2 === 0),
        ),
        progressOf(
          run!,
          dead,
          ids.filter((id) => id % 2 === 1),
        ),
      ]
      store.commit({ pages: [], progress, jobs: [] })
    }
  }

  function erase(address: string) {
    for (let after: string | undefined, isFirst = true; isFirst || after; isFirst = false) {
      ;({ after } = store.erase({ traces: [address], ...(after ? { after } : {}) }))
    }
  }

  it('hold nothing of a person that was erased', async () => {
    await fill(45)
    const people = Array.from({ length: PEOPLE }, (_, person) => addressOf(person))
    const before = readFiles()
    expect(people.filter((one) => before.includes(one)).length).toBeGreaterThan(100)
    for (const person of people.slice(0, 4)) {
      erase(person)
      expect(await wipe(person)).toBe(true)
      expect(readFiles().includes(person), person).toBe(false)
    }
    const after = readFiles()
    expect(people.some((one) => after.includes(one))).toBe(true)
    expect((await store.archive.stats()).events.total).toBeGreaterThan(1_000)
  })

  it('hold nothing of it while others are received', async () => {
    await fill(12)
    const erased = addressOf(13)
    let isOver = false
    const load = (async () => {
      while (!isOver) {
        await keep(store, [
          sampleEvent({ payload: JSON.stringify(Array(200).fill('somebody@x.test')) }),
        ])
        await new Promise(setImmediate)
      }
    })()
    erase(erased)
    expect(await wipe(erased)).toBe(true)
    expect(readFiles().includes(erased)).toBe(false)
    isOver = true
    await load
  })

  it('say so when a trace is left that belongs to nobody else', async () => {
    await fill(3)
    expect(await wipe(addressOf(0))).toBe(false)
  })

  it('may hold somebody whose address contains it, however the rows lie', async () => {
    for (const payload of [
      'event=open&email=joann%40example.com',
      '{"email":"joann@example.com"}',
    ]) {
      await keep(store, [
        sampleEvent({ recipient: 'joann@example.com', payload }),
        sampleEvent({ recipient: 'ann@example.com', payload: '{"email":"ann@example.com"}' }),
      ])
      erase('ann@example.com')
      expect(await wipe('ann@example.com'), payload).toBe(true)
      expect(readFiles().replaceAll('joann@example.com', '')).not.toContain('ann@example.com')
    }
    expect((await store.archive.stats()).events.total).toBe(2)
  })

  it.skipIf(process.platform !== 'linux')(
    'stay locked against others after they were looked through',
    async () => {
      await fill(1)
      const inode = statSync(store.file).ino
      const countLocks = () =>
        readFileSync('/proc/locks', 'utf8')
          .split('\n')
          .filter((line) => line.includes(` ${process.pid} `) && line.includes(`:${inode} `)).length
      const before = countLocks()
      expect(before).toBeGreaterThan(0)
      erase(addressOf(0))
      expect(await wipe(addressOf(0))).toBe(true)
      expect(countLocks()).toBeGreaterThanOrEqual(before)
    },
  )

  it.skipIf(process.platform !== 'linux')(
    'are called unclean when nobody could look through them',
    async () => {
      await fill(1)
      erase(addressOf(0))
      const isWiped = wipe(addressOf(0))
      const kill = setInterval(() => {
        const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
        for (const pid of children.trim().split(' ')) {
          if (isSearch(pid)) process.kill(Number(pid), 'SIGKILL')
        }
      }, 2)
      try {
        expect(await isWiped).toBe(false)
      } finally {
        clearInterval(kill)
      }
      expect(await wipe(addressOf(0))).toBe(true)
    },
  )
})

/** Whether this process is the one that looks through the files. */
function isSearch(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('left-bytes')
  } catch {
    return false
  }
}

it('goes on wiping after a step that was not kept', async () => {
  const directory = newDirectory()
  const db = await openForWriting(join(directory, 'receiver.db'))
  onTestFinished(() => {
    db.close()
    removeDirectory(directory)
  })
  db.prepare('INSERT INTO bodies VALUES (1, ?)').run(Buffer.alloc(100_000, 'ann@example.com'))
  db.exec('DELETE FROM bodies')
  const transactions = createTransactions(db)
  const { wipeFree } = createWiping(db, transactions)
  const fail = () => {
    wipeFree()
    throw new Error('full')
  }
  expect(() => transactions.run('NORMAL', fail)).toThrow('full')
  while (!transactions.run('NORMAL', wipeFree));
  expect(db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'wiped'`).get()).toBeUndefined()
})

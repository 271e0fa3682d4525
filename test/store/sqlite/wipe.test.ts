import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { sampleBatch, sampleEvent, sampleUnreadable, wholeChunk } from '../sample-rows.ts'

const PEOPLE = 400
const addressOf = (person: number) =>
  `${createHash('sha256').update(`${person}`).digest('hex').slice(0, 12)}@example.com`

describe('the files of a SQLite store', () => {
  let directory: string
  let store: Store
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'receiver-wipe-'))
    store = await openSqliteStore(join(directory, 'receiver.db'))
  })
  afterEach(async () => {
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** What every file holds at this moment. */
  function readFiles(): string {
    const files = readdirSync(directory).map((name) => readFileSync(join(directory, name)))
    return Buffer.concat(files).toString('latin1').toLowerCase()
  }

  /** Bodies that fill pages of their own and bodies that share one, with errors and broken pieces. */
  async function fill(rounds: number) {
    for (let round = 0; round < rounds; round++) {
      const people = Array.from({ length: round % 3 === 0 ? 1 : 60 }, (_, index) =>
        addressOf((round * 7 + index * 13) % PEOPLE),
      )
      const events = people.map((recipient, position) =>
        sampleEvent({ recipient, position, payload: JSON.stringify({ email: recipient }) }),
      )
      const body = Buffer.from(JSON.stringify(people))
      const batch = sampleBatch({ body })
      await store.append({ ...batch, body: Buffer.from(body) })
      const unreadable = [sampleUnreadable({ bytes: Buffer.from(people[0] ?? ''), position: 60 })]
      await store.commitChunk(wholeChunk(batch.id, { events, unreadable, toPiece: 61 }))
      const jobs = await store.claim({ handler: 'counter', limit: 20, leaseMs: 60_000 })
      await store.settle(
        jobs.map(({ event, handler, attempt, fence }, index) => ({
          event,
          handler,
          attempt,
          fence,
          durationMs: 1,
          outcome:
            index % 2 === 0
              ? { kind: 'done' }
              : { kind: 'dead', error: `no ${people[index % people.length]}` },
        })),
      )
    }
  }

  async function erase(address: string) {
    for (let after: string | undefined, isFirst = true; isFirst || after; isFirst = false) {
      ;({ after } = await store.erase({ traces: [address], ...(after ? { after } : {}) }))
    }
  }

  it('hold nothing of a person that was erased', async () => {
    await fill(45)
    const people = Array.from({ length: PEOPLE }, (_, person) => addressOf(person))
    const before = readFiles()
    expect(people.filter((one) => before.includes(one)).length).toBeGreaterThan(100)
    for (const person of people.slice(0, 4)) {
      await erase(person)
      expect(await store.wipe([person])).toBe(true)
      expect(readFiles().includes(person), person).toBe(false)
    }
    const after = readFiles()
    expect(people.some((one) => after.includes(one))).toBe(true)
    expect((await store.stats()).events.total).toBeGreaterThan(1_000)
  })

  it('hold nothing of it while others are received', async () => {
    await fill(12)
    const erased = addressOf(13)
    let isOver = false
    const load = (async () => {
      while (!isOver) {
        const body = Buffer.from(JSON.stringify(Array(200).fill('somebody@example.com')))
        const batch = sampleBatch({ body })
        await store.append({ ...batch, body: Buffer.from(body) })
        await store.commitChunk(wholeChunk(batch.id, { events: [sampleEvent()] }))
      }
    })()
    await erase(erased)
    expect(await store.wipe([erased])).toBe(true)
    expect(readFiles().includes(erased)).toBe(false)
    isOver = true
    await load
  })

  it('say so when a trace is left that belongs to nobody else', async () => {
    await fill(3)
    expect(await store.wipe([addressOf(0)])).toBe(false)
  })

  it('may hold somebody whose address contains it, however the rows lie', async () => {
    for (const payload of [
      'event=open&email=joann%40example.com',
      '{"email":"joann@example.com"}',
    ]) {
      const events = [
        sampleEvent({ recipient: 'joann@example.com', payload }),
        sampleEvent({ recipient: 'ann@example.com', payload: '{"email":"ann@example.com"}' }),
      ]
      const batch = sampleBatch()
      await store.append({ ...batch, body: Buffer.from(batch.body) })
      await store.commitChunk(wholeChunk(batch.id, { events }))
      await erase('ann@example.com')
      expect(await store.wipe(['ann@example.com']), payload).toBe(true)
      expect(readFiles().replaceAll('joann@example.com', '')).not.toContain('ann@example.com')
    }
    expect((await store.stats()).events.total).toBe(2)
  })
})

import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { AppendedBodies } from '../../../src/store/postgres/appended-bodies.ts'
import { pageOf, sampleBatch, sampleEvents } from '../sample-rows.ts'
import { createTestDatabase } from './test-database.ts'
import { findTestServer } from './test-server.ts'

const server = await findTestServer()
const TAKE = { batches: 100, bytes: 2 ** 40, leaseMs: 60_000 }

/** One that appends, as a receiver's answering thread, and one that unpacks, as the thread behind it. */
async function openBoth() {
  const { open, execute } = await createTestDatabase(server!)
  return { appending: await open(), unpacking: await open(), execute }
}

describe.skipIf(!server)('a body that this process has appended to PostgreSQL', () => {
  it('is not read back', async () => {
    const { appending, unpacking } = await openBoth()
    const [known, unknown] = [sampleBatch(sampleEvents(2)), sampleBatch(sampleEvents(3))]
    await appending.append([known, unknown])
    unpacking.noteAppended(known)
    const taken = await unpacking.takeBatches(TAKE)
    expect(taken.map(({ id }) => id)).toEqual([known.id, unknown.id])
    expect(taken[0]).toMatchObject({ isFresh: true })
    expect(taken[0]!.body).toBe(known.body)
    expect(taken[1]!.isFresh).toBeUndefined()
    expect(Buffer.from(taken[1]!.body)).toEqual(Buffer.from(unknown.body))
  })

  it('is read all the same where another replica has replaced it meanwhile', async () => {
    const { appending, unpacking } = await openBoth()
    const parts = sampleEvents(2)
    const batch = sampleBatch(parts)
    await appending.append([batch])
    unpacking.noteAppended(batch)
    const [first] = await appending.takeBatches(TAKE)
    const body = Buffer.from(batch.body).reverse()
    const sha256 = createHash('sha256').update(body).digest('hex')
    const page = pageOf(first!, parts, { toPiece: 1, replacement: { body, sha256 } })
    await appending.commit({ pages: [page], progress: [], jobs: [] })
    await appending.close()
    const [taken] = await unpacking.takeBatches(TAKE)
    expect(taken).toMatchObject({ sha256, unpackedPieces: 1 })
    expect(Buffer.from(taken!.body)).toEqual(body)
  })

  it('serves every batch that has the same one', async () => {
    const { appending, unpacking } = await openBoth()
    const body = Buffer.from('{"events":[]}')
    const batches = [1, 2].map(() => sampleBatch([], { body }))
    await appending.append(batches)
    for (const batch of batches) unpacking.noteAppended(batch)
    const taken = await unpacking.takeBatches(TAKE)
    expect(taken.map((batch) => batch.body)).toEqual([body, body])
  })

  it('says nothing about one that is damaged in the database once it is forgotten', async () => {
    const { appending, unpacking, execute } = await openBoth()
    const batch = sampleBatch(sampleEvents(1))
    await appending.append([batch])
    unpacking.noteAppended(batch)
    expect(await unpacking.takeBatches(TAKE)).toHaveLength(1)
    await execute(`UPDATE bodies SET body = 'x'`)
    await execute('UPDATE batches SET leased_until = 0, taker = NULL')
    const [again] = await unpacking.takeBatches(TAKE)
    expect(Buffer.from(again!.body).toString()).toBe('x')
    expect(again!.isFresh).toBeUndefined()
  })
})

describe('what is known of appended bodies', () => {
  const MEGABYTE = 1024 * 1024
  const bodyOf = (n: number) => ({ sha256: String(n), body: new Uint8Array(MEGABYTE) })

  it('takes 8 MB at the most, and makes room for others once they were taken', () => {
    const bodies = new AppendedBodies()
    for (let n = 0; n < 20; n++) bodies.keep(bodyOf(n))
    expect(bodies.known.size).toBe(8)
    bodies.drop(['0', '3'])
    for (let n = 20; n < 25; n++) bodies.keep(bodyOf(n))
    expect([...bodies.known.keys()].slice(-3)).toEqual(['7', '20', '21'])
  })

  it('takes no more of them than are taken at once, however small, and nothing the longer for those that wait', () => {
    const bodies = new AppendedBodies()
    const body = new Uint8Array(200)
    for (let n = 0; n < 20_000; n++) bodies.keep({ sha256: String(n), body })
    expect(bodies.known.size).toBe(256)
  })

  it('counts one that comes twice once', () => {
    const bodies = new AppendedBodies()
    for (let n = 0; n < 20; n++) bodies.keep(bodyOf(1))
    expect(bodies.known.size).toBe(1)
    for (let n = 2; n < 30; n++) bodies.keep(bodyOf(n))
    expect(bodies.known.size).toBe(8)
  })

  it('stays what it was for a look that goes on', () => {
    const bodies = new AppendedBodies()
    bodies.keep(bodyOf(1))
    const { known } = bodies
    bodies.drop(['1'])
    expect(known.has('1')).toBe(true)
    expect(bodies.known.has('1')).toBe(false)
  })
})

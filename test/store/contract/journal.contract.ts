import { describe, expect, it } from 'vitest'
import { LEASE_MS, pageOf, sampleBatch, sampleEvent } from '../sample-rows.ts'
import { type StoreHarness, storeForEachTest } from '../store-harness.ts'

/** How every engine keeps batches until they are unpacked. */
export function describeJournal(engine: string, harness: StoreHarness): void {
  describe(`the journal of a store on ${engine}`, () => {
    const tested = storeForEachTest(harness)
    const append = (...batches: ReturnType<typeof sampleBatch>[]) =>
      tested.store.append(batches.map((batch) => ({ ...batch, body: Buffer.from(batch.body) })))
    const take = (batches = 100, bytes = 2 ** 40, leaseMs = LEASE_MS) =>
      tested.store.takeBatches({ batches, bytes, leaseMs })
    const counts = async () => (await tested.store.archive.stats()).batches

    it('gives back the very bytes and facts that were appended', async () => {
      const batch = sampleBatch([], { body: Buffer.from([0, 255, 10, 13, 0xef, 0xbb, 0xbf]) })
      await append(batch)
      const [taken] = await take()
      expect({ ...taken, body: Buffer.from(taken?.body ?? []) }).toMatchObject({
        ...batch,
        seq: expect.any(Number),
        unpackedPieces: 0,
      })
    })
    it('keeps a batch without a content type', async () => {
      await append(sampleBatch([], { contentType: undefined }))
      expect((await take())[0]?.contentType).toBeUndefined()
    })
    it('gives out batches in order of arrival, each to one taker', async () => {
      const batches = Array.from({ length: 5 }, () => sampleBatch())
      for (const batch of batches) await append(batch)
      const taken = [...(await take(2)), ...(await take(2)), ...(await take(2))]
      expect(taken.map(({ id }) => id)).toEqual(batches.map(({ id }) => id))
      expect(await take()).toEqual([])
    })
    it('numbers batches in order of arrival, also those that are appended together', async () => {
      const batches = Array.from({ length: 3 }, () => sampleBatch())
      await append(...batches)
      await append(sampleBatch())
      const taken = await take()
      expect(taken.slice(0, 3).map(({ id }) => id)).toEqual(batches.map(({ id }) => id))
      const numbers = taken.map(({ seq }) => seq)
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
      expect(new Set(numbers).size).toBe(4)
    })
    it('gives out no more bytes than asked for, but always the first', async () => {
      const body = Buffer.alloc(1_000, ' ')
      await append(...Array.from({ length: 4 }, () => sampleBatch([], { body })))
      expect(await take(100, 10)).toHaveLength(1)
      expect(await take(100, 2_500)).toHaveLength(2)
    })
    it('gives out a batch again, with its progress, when its taker has died', async () => {
      const parts = [sampleEvent(), sampleEvent()]
      await append(sampleBatch(parts))
      const [first] = await take(1, 2 ** 40, 0)
      const page = pageOf(first!, parts, { toPiece: 1 })
      await tested.store.commit({ pages: [page], progress: [], jobs: [] })
      await tested.holderDies()
      expect(await take()).toMatchObject([{ id: first?.id, seq: first?.seq, unpackedPieces: 1 }])
    })
    it('keeps a batch that is appended twice once', async () => {
      const batch = sampleBatch()
      await append(batch)
      await append(batch)
      await append(batch, batch)
      expect(await counts()).toEqual({ received: 1, waiting: 1 })
    })
    it('keeps what comes together with a batch that is there already', async () => {
      const known = sampleBatch()
      await append(known)
      const fresh = [sampleBatch(), sampleBatch()]
      await append(fresh[0]!, known, fresh[1]!)
      const ids = (await take()).map(({ id }) => id)
      expect(ids).toEqual([known.id, ...fresh.map(({ id }) => id)])
    })
    it('keeps batches that are appended at once, and over a restart', async () => {
      const batches = Array.from({ length: 50 }, () => sampleBatch())
      await Promise.all(batches.map((batch) => append(batch)))
      await tested.restart()
      expect(await counts()).toEqual({ received: 50, waiting: 50 })
      expect(new Set((await take()).map(({ id }) => id))).toEqual(
        new Set(batches.map(({ id }) => id)),
      )
    })
    it('keeps a body of 10 MB, byte for byte', async () => {
      const body = Buffer.alloc(10 * 2 ** 20, '{"event":"open"}\n')
      const batch = sampleBatch([], { body })
      await append(batch)
      await tested.restart()
      const [taken] = await take()
      expect(taken?.sha256).toBe(batch.sha256)
      expect(Buffer.compare(Buffer.from(taken!.body), body)).toBe(0)
    })
    it('hints that there are batches, where others share it', async () => {
      if (!harness.keepsLeases) return
      const hints: string[] = []
      const stop = tested.store.onHint((hint) => hints.push(hint))
      await append(sampleBatch())
      await expect.poll(() => hints).toContain('batches')
      stop()
    })
    it('proves that a write reaches the disk', async () => {
      expect(await tested.store.probe()).toBeUndefined()
    })
  })
}

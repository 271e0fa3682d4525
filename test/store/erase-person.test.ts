import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createPersonErasing } from '../../src/store/erase-person.ts'
import type { EraseRequest } from '../../src/store/store.ts'
import { onTestFinished } from '../on-test-finished.ts'

const ANN = 'ann@example.com'

function setUp(options: { patienceMs?: number; inSpool?: string[]; inStore?: string[] } = {}) {
  const spoolDirectory = mkdtempSync(join(tmpdir(), 'receiver-spool-'))
  onTestFinished(() => rmSync(spoolDirectory, { recursive: true, force: true }))
  const { inSpool = [], inStore = [], patienceMs = 90_000 } = options
  const asked: EraseRequest[] = []
  const receipts = ['events.5', 'quarantine.0', undefined].map((after) => ({
    ...{ events: 2, pieces: 1, errors: 1, seen: 5 },
    after,
  }))
  let looks = 0
  const erase = createPersonErasing({
    store: {
      findWaiting: async (_, among = inStore) => {
        looks++
        return inStore.filter((id) => among.includes(id))
      },
      erase: async (request) => {
        asked.push(request)
        return receipts[asked.length - 1]!
      },
      wipe: async () => true,
      stats: async () => ({ events: { total: 12 } }) as never,
    },
    findSpooled: async (_, among = inSpool) => inSpool.filter((id) => among.includes(id)),
    spoolDirectory,
    findPseudonyms: (recipient) => [`hash:${recipient.length}`],
    patienceMs,
  })
  return { erase, asked, spoolDirectory, looks: () => looks }
}

describe('erasing a person', () => {
  it('asks until nothing is left, with every trace, and adds up', async () => {
    const { erase, asked } = setUp()
    const progress: number[][] = []
    const report = await erase(ANN, (...step) => progress.push(step))
    expect(report).toEqual({ events: 6, pieces: 3, errors: 3, files: 0, waiting: 0, isWiped: true })
    const traces = [ANN, 'hash:15']
    expect(asked).toEqual([
      { traces },
      { traces, after: 'events.5' },
      { traces, after: 'quarantine.0' },
    ])
    expect(progress).toEqual([
      [5, 12],
      [10, 12],
      [15, 15],
    ])
  })

  it('looks for either form of its accents, and for what stands for each', async () => {
    const { erase, asked } = setUp()
    const composed = 'josé@example.com'.normalize('NFC')
    const decomposed = composed.normalize('NFD')
    await erase(composed, () => {})
    expect(asked[0]?.traces).toEqual([composed, decomposed, 'hash:16', 'hash:17'])
  })

  it('waits until batches have left the spool and the journal, but for no later ones', async () => {
    const inSpool = ['one']
    const inStore: string[] = ['two']
    const { erase, asked, looks } = setUp({ inSpool, inStore })
    const erasing = erase(ANN, () => {})
    await expect.poll(looks).toBeGreaterThan(1)
    expect(asked).toEqual([])
    inSpool.splice(0)
    inStore.splice(0, 1, 'one', 'three')
    await expect.poll(looks).toBeGreaterThan(3)
    expect(asked).toEqual([])
    inStore.splice(0, 1)
    expect(await erasing).toMatchObject({ waiting: 0 })
  })

  it('erases the rest when batches are not unpacked in time, and says so', async () => {
    const { erase } = setUp({ patienceMs: 1, inStore: ['one', 'two'] })
    expect(await erase(ANN, () => {})).toMatchObject({ events: 6, waiting: 2 })
  })

  it('removes files of the spool that were set aside only if they may hold the address', async () => {
    const { erase, spoolDirectory } = setUp()
    mkdirSync(spoolDirectory, { recursive: true })
    const files: Record<string, string | Buffer> = {
      'unusable-000000000001.batch': `\0\xff"email":"ANN@example.com"`,
      'unusable-000000000002.batch': '"email":"bob@example.com"',
      '000000000003.batch': ANN,
    }
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(spoolDirectory, name), content)
    }
    expect(await erase(ANN, () => {})).toMatchObject({ files: 1 })
    expect(readdirSync(spoolDirectory).sort()).toEqual([
      '000000000003.batch',
      'unusable-000000000002.batch',
    ])
  })
})

import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { openBatchFiles } from '../../../src/store/spool/batch-files.ts'
import { openSqliteEngine } from '../../../src/store/sqlite/engine.ts'
import { sampleBatch } from '../sample-rows.ts'
import { buildSpool, idsOf, newDirectory, SOON } from './build-spool.ts'

const GARBAGE = Buffer.from('this is no batch, it only looks like a file\n'.repeat(400))

/** A directory left by a process that was killed, with `count` batches in it. */
async function leaveSpool(count: number): Promise<{ directory: string; ids: string[] }> {
  const directory = newDirectory()
  const files = await openBatchFiles(directory, () => {})
  const batches = Array.from({ length: count }, () => sampleBatch())
  for (const batch of batches) await files.append(batch)
  files.close()
  return { directory, ids: idsOf(batches) }
}
const fileOf = (directory: string, n: number) => join(directory, `00000000000${n}.batch`)

/** Whatever was there, a new spool acknowledges while the store is away, and drains. */
async function expectToWork({ spool, shared, timers }: ReturnType<typeof buildSpool>) {
  shared.mode = 'down'
  const batch = sampleBatch()
  await spool.append(batch)
  shared.mode = 'up'
  await vi.waitFor(() => {
    for (const ms of [250, 500, 1_000, 2_000]) timers.ring(ms)
    expect(idsOf(shared.kept)).toContain(batch.id)
  }, SOON)
}

describe('a file of the spool that cannot be read is moved aside, and the others go on:', () => {
  const withHead = (head: unknown) => Buffer.from(`${JSON.stringify(head)}\nbody`)
  it.each<[name: string, content: Buffer]>([
    ['one that is no batch', GARBAGE],
    ['one that is empty', Buffer.alloc(0)],
    ['one whose head is cut off', Buffer.from('{"id":"0f6c')],
    ['one whose head is filled with zeros', Buffer.alloc(500)],
    ['one that is something else', withHead(null)],
    ['one without an id', withHead({ source: 'mailtrap' })],
  ])('%s', async (_name, content) => {
    const { directory, ids } = await leaveSpool(3)
    writeFileSync(fileOf(directory, 2), content)
    const built = buildSpool({ directory })
    await built.spool.start()
    await vi.waitFor(() => expect(built.facts.spoolDrained).toHaveLength(1), SOON)
    expect(idsOf(built.shared.kept)).toEqual([ids[0], ids[2]])
    const aside = join(directory, 'unusable-000000000002.batch')
    expect(built.facts.spoolSetAside).toMatchObject([{ file: aside, code: 'store_corrupt' }])
    expect(built.spool.stats()).toMatchObject({ waiting: 0, setAside: 1 })
    expect(readFileSync(aside).equals(content)).toBe(true)
    await expectToWork(built)
    await built.stop()
    expect(readdirSync(directory).sort()).toEqual(['receiver.lock', 'unusable-000000000002.batch'])
  })

  it('each to a place of its own, also after a restart', async () => {
    const directory = newDirectory()
    const aside: string[] = []
    for (const content of ['one', 'other']) {
      const files = await openBatchFiles(directory, (place) => aside.push(place))
      await files.append(sampleBatch())
      const [name = ''] = readdirSync(directory).filter((one) => /^\d+\.batch$/.test(one))
      writeFileSync(join(directory, name), content)
      while (await files.take());
      files.close()
    }
    expect(aside.map((place) => readFileSync(place, 'utf8'))).toEqual(['one', 'other'])
  })

  it('the database of another version, with its log, at the start', async () => {
    const directory = newDirectory()
    const engine = await openSqliteEngine(join(directory, 'spool.db'))
    engine.append([sampleBatch()])
    const [database, log] = ['spool.db', 'spool.db-wal'].map((name) =>
      readFileSync(join(directory, name)),
    )
    engine.close()
    writeFileSync(join(directory, 'spool.db'), database ?? '')
    writeFileSync(join(directory, 'spool.db-wal'), log ?? '')
    const built = buildSpool({ directory })
    await built.spool.start()
    const aside = join(directory, 'unusable-spool.db')
    expect(built.facts.spoolSetAside).toMatchObject([{ file: aside, code: 'store_corrupt' }])
    expect(readFileSync(aside)).toEqual(database)
    expect(readFileSync(`${aside}-wal`)).toEqual(log)
    await expectToWork(built)
  })
})

describe('a spool left by a process that was killed', () => {
  it('is drained whole', async () => {
    const { directory, ids } = await leaveSpool(4)
    const built = buildSpool({ directory })
    await built.spool.start()
    expect(built.facts.spoolFound).toEqual([{ batches: 4 }])
    await vi.waitFor(() => expect(built.facts.spoolDrained).toHaveLength(1), SOON)
    expect(idsOf(built.shared.kept)).toEqual(ids)
    expect(built.facts.spoolSetAside).toEqual([])
    await expectToWork(built)
  })

  it('forgets what it had not finished, which nobody was told of', async () => {
    const { directory, ids } = await leaveSpool(2)
    renameSync(fileOf(directory, 2), `${fileOf(directory, 2)}.unfinished`)
    truncateSync(`${fileOf(directory, 2)}.unfinished`, 100)
    const built = buildSpool({ directory })
    await built.spool.start()
    await vi.waitFor(() => expect(built.facts.spoolDrained).toHaveLength(1), SOON)
    expect(idsOf(built.shared.kept)).toEqual(ids.slice(0, 1))
    expect(readdirSync(directory).filter((name) => !name.startsWith('receiver.lock'))).toEqual([])
  })

  it('hands on a damaged body as it is: the store finds it out, and shows it', async () => {
    const { directory, ids } = await leaveSpool(1)
    const file = fileOf(directory, 1)
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0x5a, bytes.indexOf('\n') + 1))
    const built = buildSpool({ directory })
    await built.spool.start()
    await vi.waitFor(() => expect(idsOf(built.shared.kept)).toEqual(ids), SOON)
    const [kept] = built.shared.kept
    expect(Buffer.from(kept?.body ?? []).every((byte) => byte === 0x5a)).toBe(true)
  })

  it('needs no lock from before', async () => {
    const { directory, ids } = await leaveSpool(1)
    writeFileSync(join(directory, 'receiver.lock'), GARBAGE)
    const built = buildSpool({ directory })
    await built.spool.start()
    await vi.waitFor(() => expect(idsOf(built.shared.kept)).toEqual(ids), SOON)
  })
})

it('keeps no receiver from its start where no folder can be, and is used once it can', async () => {
  const directory = newDirectory()
  writeFileSync(directory, 'x')
  const built = buildSpool({ directory })
  await built.spool.start()
  expect(built.facts.spoolFailed).toHaveLength(1)
  expect(built.spool.canAcknowledge()).toBe(true)
  const state = expect.stringMatching('degraded: the spool cannot keep batches')
  await vi.waitFor(() => expect(built.spool.state()).toEqual(state), SOON)
  rmSync(directory)
  await vi.waitFor(() => {
    built.timers.ring(250)
    expect(built.spool.state()).toBe('ok')
  }, SOON)
  await expectToWork(built)
})

it.each([
  ['a batch is to be kept', true],
  ['a batch is to be read', false],
])('refuses when its folder was removed and %s, and begins another', async (_name, isAppended) => {
  const built = buildSpool()
  await built.spool.start()
  built.shared.mode = 'down'
  await built.spool.append(sampleBatch())
  rmSync(built.directory, { recursive: true })
  if (isAppended) {
    await expect(built.spool.append(sampleBatch())).rejects.toMatchObject({ code: 'store_gone' })
  } else built.shared.mode = 'up'
  await vi.waitFor(() => {
    for (const ms of [250, 500, 1_000]) built.timers.ring(ms)
    expect(built.facts.spoolRecovered).toHaveLength(1)
  }, SOON)
  expect(built.facts.spoolFailed).toMatchObject([{ code: 'store_gone' }])
  expect(built.onBroken).not.toHaveBeenCalled()
  built.shared.mode = 'down'
  const batch = sampleBatch()
  await built.spool.append(batch)
  expect(readdirSync(built.directory)).toContain('000000000001.batch')
  await built.stop(0)

  const again = buildSpool({ directory: built.directory })
  await again.spool.start()
  await vi.waitFor(() => expect(idsOf(again.shared.kept)).toEqual([batch.id]), SOON)
})

it('drops nothing that came into a new folder with the number of a batch of the one before', async () => {
  const built = buildSpool()
  const { spool, shared, timers, facts, directory } = built
  await spool.start()
  shared.mode = 'down'
  const before = sampleBatch()
  await spool.append(before)
  const ring = () => {
    for (const ms of [250, 500, 1_000, 2_000]) timers.ring(ms)
  }
  // In hand: after a probe it was offered to the store a second time.
  await vi.waitFor(() => {
    ring()
    expect(shared.calls).toBeGreaterThan(2)
  }, SOON)
  rmSync(directory, { recursive: true })
  await expect(spool.append(sampleBatch())).rejects.toMatchObject({ code: 'store_gone' })
  await vi.waitFor(() => {
    ring()
    expect(facts.spoolRecovered).toHaveLength(1)
  }, SOON)
  const behind = sampleBatch()
  await spool.append(behind)
  shared.mode = 'up'
  await vi.waitFor(() => {
    ring()
    expect(facts.spoolDrained).toHaveLength(1)
  }, SOON)
  expect(idsOf(shared.kept)).toEqual(idsOf([before, behind]))
  expect(spool.stats()).toMatchObject({ waiting: 0 })
})

it('leaves nothing behind of what it could not keep', async () => {
  const built = buildSpool()
  await built.spool.start()
  built.shared.mode = 'down'
  // In the place of the file that it would write.
  mkdirSync(join(built.directory, '000000000001.batch.unfinished'))
  await expect(built.spool.append(sampleBatch())).rejects.toMatchObject({ code: 'store_unusable' })
  const batch = sampleBatch()
  await built.spool.append(batch)
  expect(built.spool.stats()).toMatchObject({ waiting: 1 })
})

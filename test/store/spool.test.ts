import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { ReceiverError } from '../../src/errors.ts'
import { openBatchFiles } from '../../src/store/spool/batch-files.ts'
import { sampleBatch } from './sample-rows.ts'
import { buildSpool, idsOf, newDirectory, SOON } from './spool/build-spool.ts'

const STORE_LIMIT_MS = 3_000
const SPOOL_LIMIT_MS = 2_000
const FIRST_PAUSE_MS = 250
const PAUSES_MS = [FIRST_PAUSE_MS, 500, 1_000, 2_000]

const AWAY = 'the store is away since 2026-01-17T12:00:00.000Z (store_busy)'

const sampleBatches = (count: number) => Array.from({ length: count }, () => sampleBatch())

/** Started, and the store has answered once if it is there. */
async function buildStarted(...args: Parameters<typeof buildSpool>) {
  const built = buildSpool(...args)
  await built.spool.start()
  await vi.waitFor(() => expect(built.spool.outage()).toBeUndefined(), SOON)
  built.shared.calls = 0
  return built
}
type Built = Awaited<ReturnType<typeof buildStarted>>

async function appendAll({ spool }: Built, batches: ReturnType<typeof sampleBatches>) {
  for (const batch of batches) await spool.append(batch)
}

/** The store is away, and these wait in the spool. */
async function spoolAll(built: Built, batches: ReturnType<typeof sampleBatches>) {
  built.shared.mode = 'down'
  await appendAll(built, batches)
}

async function waitForPause({ timers }: Built, ms = FIRST_PAUSE_MS) {
  await vi.waitFor(() => expect(timers.set()).toContain(ms), SOON)
}

async function comeBack(built: Built, ms = FIRST_PAUSE_MS) {
  await waitForPause(built, ms)
  built.shared.mode = 'up'
  built.timers.ring(ms)
}

describe('a spool whose store is there', () => {
  it('hands batches on, and keeps none', async () => {
    const built = await buildStarted()
    const batches = sampleBatches(3)
    await appendAll(built, batches)
    expect(built.shared.kept).toEqual(batches)
    expect(built.spool.state()).toBe('ok')
    expect(built.spool.canAcknowledge()).toBe(true)
    expect(built.spool.stats()).toEqual({
      waiting: 0,
      refused: 0,
      spooled: 0,
      drained: 0,
      setAside: 0,
    })
  })

  it('leaves no file behind', async () => {
    const built = await buildStarted()
    await built.stop()
    expect(readdirSync(built.directory)).toEqual(['receiver.lock'])
  })
})

describe('a spool whose store is away', () => {
  it('tells what waits in it since when, and what it takes of the disk', async () => {
    const built = await buildStarted()
    await spoolAll(built, sampleBatches(20))
    const { bytes, ...figures } = await built.spool.figures()
    expect(figures).toEqual({
      waiting: 20,
      refused: 0,
      spooled: 20,
      drained: 0,
      setAside: 0,
      diskUsedPercent: 10,
      since: Date.UTC(2026, 0, 17, 12),
    })
    expect(bytes).toBeGreaterThan(20 * 200)
    await comeBack(built)
    await vi.waitFor(() => expect(built.spool.state()).toBe('ok'), SOON)
    expect(await built.spool.figures()).toMatchObject({ waiting: 0, since: undefined })
  })

  it('acknowledges, and hands on in order of arrival once the store is back', async () => {
    const built = await buildStarted()
    const batches = sampleBatches(20)
    await spoolAll(built, batches)
    expect(built.shared.kept).toEqual([])
    expect(built.spool.state()).toBe(`degraded: 20 batches wait in the spool, ${AWAY}`)
    expect(built.spool.canAcknowledge()).toBe(true)
    expect(built.facts.spoolBegan).toEqual([{ code: 'store_busy', detail: 'down' }])

    await comeBack(built)
    const figures = { waiting: 0, spooled: 20, drained: 20 }
    await vi.waitFor(() => expect(built.spool.stats()).toMatchObject(figures), SOON)
    expect(built.spool.state()).toBe('ok')
    expect(built.shared.kept).toEqual(batches)
    await vi.waitFor(
      () => expect(built.facts.spoolDrained).toEqual([{ batches: 20, durationMs: 0 }]),
      SOON,
    )
    expect(built.facts.spoolEnded).toHaveLength(1)

    const direct = sampleBatch()
    expect(await built.spool.append(direct)).toBe(true)
    expect(built.shared.kept.at(-1)).toEqual(direct)
    expect(built.spool.stats().spooled).toBe(20)
  })

  it('keeps nothing of what it has handed on', async () => {
    const built = await buildStarted()
    const marked = sampleBatch([], { body: Buffer.from('{"email":"user1@example.com"}') })
    await spoolAll(built, [marked])
    const read = () =>
      readdirSync(built.directory).map((name) => readFileSync(join(built.directory, name)))
    expect(read().some((bytes) => bytes.includes('user1@example.com'))).toBe(true)
    await comeBack(built)
    await vi.waitFor(() => expect(built.facts.spoolDrained).toHaveLength(1), SOON)
    expect(read().some((bytes) => bytes.includes('user1@example.com'))).toBe(false)
    await spoolAll(built, sampleBatches(1))
    expect(built.spool.stats().waiting).toBe(1)
  })

  it('waits longer and longer between attempts, up to two seconds', async () => {
    const built = await buildStarted()
    await spoolAll(built, sampleBatches(1))
    for (const ms of [250, 500, 1_000, 2_000, 2_000]) {
      await waitForPause(built, ms)
      built.timers.ring(ms)
    }
    await comeBack(built, 2_000)
    await vi.waitFor(() => expect(built.spool.state()).toBe('ok'), SOON)
  })

  it('asks by itself whether the store is back when no batch is there to try', async () => {
    const append = vi.fn().mockRejectedValue(new ReceiverError('store_refused'))
    const openFiles: typeof openBatchFiles = async (...given) => ({
      ...(await openBatchFiles(...given)),
      append,
    })
    const built = await buildStarted({ openFiles })
    built.shared.mode = 'down'
    await expect(built.spool.append(sampleBatch())).rejects.toMatchObject({ code: 'store_refused' })
    expect(built.spool.state()).toBe(`degraded: ${AWAY}`)
    await comeBack(built)
    await vi.waitFor(() => expect(built.spool.state()).toBe('ok'), SOON)
  })

  it('writes live batches straight to the store while the spool drains', async () => {
    const built = await buildStarted()
    const [first, second, live] = sampleBatches(3) as [Batch, Batch, Batch]
    await spoolAll(built, [first, second])
    let letGo = () => {}
    built.shared.held.set(
      second.id,
      new Promise((resolve) => {
        letGo = resolve
      }),
    )
    await comeBack(built)
    await vi.waitFor(() => expect(built.shared.kept).toHaveLength(1), SOON)
    await built.spool.append(live)
    expect(idsOf(built.shared.kept)).toEqual([first.id, live.id])
    letGo()
    await vi.waitFor(() => expect(built.shared.kept).toHaveLength(3), SOON)
  })
})
type Batch = ReturnType<typeof sampleBatch>

describe('a store that does not answer', () => {
  it('costs three seconds once: all who wait then are let go, and later ones never wait', async () => {
    const built = await buildStarted()
    built.shared.mode = 'hangs'
    const batches = sampleBatches(5)
    const [early, late] = [batches.slice(0, 4), batches.slice(4)]
    const acknowledged = vi.fn()
    const first = built.spool.append(early[0] as Batch).then(acknowledged)
    const others = early.slice(1).map((batch) => built.spool.append(batch))
    await vi.waitFor(() => expect(built.shared.calls).toBe(4))
    expect(acknowledged).not.toHaveBeenCalled()
    built.timers.ringFirst(STORE_LIMIT_MS)
    await Promise.all([first, ...others])
    expect(built.facts.spoolBegan).toHaveLength(1)

    await appendAll(built, late)
    expect(built.spool.stats().waiting).toBe(5)
    built.shared.mode = 'up'
    await vi.waitFor(() => {
      for (const ms of [STORE_LIMIT_MS, FIRST_PAUSE_MS]) built.timers.ring(ms)
      expect(built.shared.kept).toHaveLength(5)
    }, SOON)
    expect(idsOf(built.shared.kept)).toEqual(idsOf(batches))
  })

  it('may commit late what went to the spool: whole, and once', async () => {
    const built = await buildStarted()
    built.shared.mode = 'hangs'
    const batch = sampleBatch([], { body: Buffer.alloc(64 * 1024, 'x') })
    const appended = built.spool.append(batch)
    await vi.waitFor(() => expect(built.timers.ring(STORE_LIMIT_MS)).toBeGreaterThan(0))
    await appended
    built.shared.mode = 'up'
    built.shared.commitWhatHangs()
    await vi.waitFor(() => {
      built.timers.ring(FIRST_PAUSE_MS)
      expect(built.spool.state()).toBe('ok')
    }, SOON)
    expect(built.shared.kept).toHaveLength(1)
    expect(built.shared.kept[0]?.body.every((byte) => byte === 0x78)).toBe(true)
    expect(built.shared.kept[0]?.body).toHaveLength(64 * 1024)
  })

  it('and one that fails after its commit get no batch twice', async () => {
    const built = await buildStarted()
    built.shared.mode = 'fails after commit'
    const batches = sampleBatches(3)
    await appendAll(built, batches)
    await comeBack(built)
    await vi.waitFor(() => expect(built.spool.state()).toBe('ok'), SOON)
    expect(idsOf(built.shared.kept).sort()).toEqual(idsOf(batches).sort())
  })
})

describe('a batch that the store refuses for ever', () => {
  it('is acknowledged, stays, is told, and holds up nobody', async () => {
    const built = await buildStarted()
    const [refused, ...others] = sampleBatches(4) as [Batch, ...Batch[]]
    built.shared.refused.add(refused.id)
    await spoolAll(built, [refused, ...others])
    await comeBack(built)
    await vi.waitFor(() => expect(built.shared.kept).toHaveLength(3), SOON)
    expect(idsOf(built.shared.kept)).toEqual(idsOf(others))
    expect(built.facts.spoolRefused).toEqual([{ batch: refused.id, detail: 'of its bytes' }])
    const figures = { waiting: 1, refused: 1, drained: 3 }
    await vi.waitFor(() => expect(built.spool.stats()).toMatchObject(figures), SOON)
    expect(built.spool.state()).toBe('degraded: 1 batch waits in the spool')
    await built.stop()

    const again = await buildStarted({ directory: built.directory })
    await vi.waitFor(() => expect(again.shared.kept).toHaveLength(1), SOON)
    expect(idsOf(again.shared.kept)).toEqual([refused.id])
  })

  it('does not make the store count as away', async () => {
    const built = await buildStarted()
    const [refused, next] = sampleBatches(2) as [Batch, Batch]
    built.shared.refused.add(refused.id)
    await built.spool.append(refused)
    await built.spool.append(next)
    expect(idsOf(built.shared.kept)).toEqual([next.id])
    expect(built.facts.spoolBegan).toEqual([])
  })

  it('lets the rows of its neighbours go', async () => {
    const built = await buildStarted()
    const [refused, ...others] = sampleBatches(4) as [Batch, ...Batch[]]
    built.shared.refused.add(refused.id)
    await spoolAll(built, [refused, ...others])
    await comeBack(built)
    await vi.waitFor(() => expect(built.facts.spoolDrained).toHaveLength(1), SOON)
    await built.stop()
    const file = await openBatchFiles(built.directory, () => {})
    expect((await file.take())?.id).toBe(refused.id)
    expect(file.count()).toBe(1)
    file.close()
  })
})

describe('a store that was never there', () => {
  it('is not called well, however long nothing comes, and takes batches once it answers', async () => {
    const built = buildSpool()
    built.shared.mode = 'down'
    await built.spool.start()
    await vi.waitFor(() => expect(built.facts.spoolBegan).toHaveLength(1), SOON)
    const since = Date.UTC(2026, 0, 17, 12)
    expect(built.spool.outage()).toMatchObject({
      since,
      wasOpened: false,
      error: { code: 'store_busy' },
    })
    expect(built.spool.state()).toBe(
      'degraded: the store was never opened since 2026-01-17T12:00:00.000Z (store_busy)',
    )
    expect(await built.spool.append(sampleBatch())).toBe(false)
    expect(built.spool.state()).toContain('1 batch waits in the spool, the store was never opened')
    expect(built.spool.canAcknowledge()).toBe(true)
    await comeBack(built)
    await vi.waitFor(() => expect(built.spool.state()).toBe('ok'), SOON)
    expect(built.spool.outage()).toBeUndefined()
    built.shared.mode = 'down'
    await built.spool.append(sampleBatch())
    expect(built.spool.outage()).toMatchObject({ wasOpened: true })
  })
})

describe('stopping a spool', () => {
  it('drains what waits, if the store comes back within the grace', async () => {
    const built = await buildStarted()
    const batches = sampleBatches(3)
    await spoolAll(built, batches)
    await waitForPause(built)
    built.shared.mode = 'up'
    await built.stop()
    expect(idsOf(built.shared.kept)).toEqual(idsOf(batches))
    expect(built.facts.spoolLeft).toEqual([])
    expect(readdirSync(built.directory)).toEqual(['receiver.lock'])
  })

  it('keeps what waits, tells how many, and drains them after the next start', async () => {
    const built = await buildStarted()
    const batches = sampleBatches(3)
    await spoolAll(built, batches)
    await built.stop(0)
    expect(built.facts.spoolLeft).toEqual([{ batches: 3 }])
    await expect(built.spool.append(sampleBatch())).rejects.toMatchObject({ code: 'store_closed' })

    const again = await buildStarted({ directory: built.directory })
    expect(again.facts.spoolFound).toEqual([{ batches: 3 }])
    await vi.waitFor(() => expect(again.spool.state()).toBe('ok'), SOON)
    expect(again.shared.kept).toEqual(batches)
  })

  it('does not wait for a store that hangs', async () => {
    const built = await buildStarted()
    await spoolAll(built, sampleBatches(2))
    await waitForPause(built)
    built.shared.mode = 'hangs'
    built.timers.ring(FIRST_PAUSE_MS)
    await built.stop(0)
    expect(built.facts.spoolLeft).toEqual([{ batches: 2 }])
  })

  it('hands on nothing that it has read only after the grace', async () => {
    let letGo: (() => void) | undefined
    const openFiles: typeof openBatchFiles = async (...given) => {
      const real = await openBatchFiles(...given)
      async function take() {
        const batch = await real.take()
        if (batch) await new Promise<void>((resolve) => (letGo = resolve))
        return batch
      }
      return { ...real, take }
    }
    const built = await buildStarted({ openFiles })
    await spoolAll(built, sampleBatches(1))
    await vi.waitFor(() => {
      built.timers.ring(FIRST_PAUSE_MS)
      expect(letGo).toBeDefined()
    }, SOON)
    built.shared.mode = 'up'
    await built.stop(0)
    letGo?.()
    await setImmediate()
    expect(idsOf(built.shared.kept)).toEqual([])
  })

  it('lets the files of the next process alone when the store is back after the grace', async () => {
    const append = vi.fn().mockRejectedValue(new ReceiverError('store_refused'))
    const openFiles: typeof openBatchFiles = async (...given) => ({
      ...(await openBatchFiles(...given)),
      append,
    })
    const built = await buildStarted({ openFiles })
    built.shared.mode = 'down'
    await expect(built.spool.append(sampleBatch())).rejects.toMatchObject({ code: 'store_refused' })
    await waitForPause(built)
    const { calls } = built.shared
    built.shared.mode = 'hangs'
    built.timers.ring(FIRST_PAUSE_MS)
    await vi.waitFor(() => expect(built.shared.calls).toBe(calls + 1), SOON)
    await built.stop(0)
    const file = '000000000001.batch'
    writeFileSync(join(built.directory, file), 'of the next process')
    built.shared.commitWhatHangs()
    await setImmediate()
    expect(readdirSync(built.directory)).toContain(file)
  })
})

describe('a spool that cannot keep batches', () => {
  /** A real file whose appends fail with `code` until it is mended. */
  function failing(code: 'store_full' | 'store_broken') {
    const state = { isMended: false }
    async function check() {
      if (!state.isMended) throw new ReceiverError(code, { detail: 'disk' })
    }
    const openFiles: typeof openBatchFiles = async (...given) => {
      const real = await openBatchFiles(...given)
      const append: typeof real.append = (batch) => check().then(() => real.append(batch))
      return { ...real, append, probe: () => check().then(real.probe) }
    }
    return { state, openFiles }
  }

  it('refuses while the store is away too, and finds out by itself that it can again', async () => {
    const { state, openFiles } = failing('store_full')
    const built = await buildStarted({ openFiles })
    built.shared.mode = 'down'
    for (const batch of sampleBatches(2)) {
      await expect(built.spool.append(batch)).rejects.toMatchObject({ code: 'store_full' })
    }
    expect(built.spool.state()).toBe('store_full')
    expect(built.spool.canAcknowledge()).toBe(false)
    expect(built.facts.spoolFailed).toEqual([{ code: 'store_full', detail: 'disk' }])

    state.isMended = true
    await waitForPause(built)
    built.timers.ring(FIRST_PAUSE_MS)
    await vi.waitFor(() => expect(built.spool.canAcknowledge()).toBe(true), SOON)
    expect(built.facts.spoolRecovered).toHaveLength(1)
    await built.spool.append(sampleBatch())
    expect(built.onBroken).not.toHaveBeenCalled()
  })

  it('gives up a disk that did not sync', async () => {
    const built = await buildStarted({ openFiles: failing('store_broken').openFiles })
    built.shared.mode = 'down'
    await expect(built.spool.append(sampleBatch())).rejects.toMatchObject({ code: 'store_broken' })
    expect(built.onBroken.mock.calls).toMatchObject([[{ code: 'store_broken' }]])
  })

  it('is given two seconds', async () => {
    const openFiles: typeof openBatchFiles = async (...given) => ({
      ...(await openBatchFiles(...given)),
      append: () => new Promise<void>(() => {}),
    })
    const built = await buildStarted({ openFiles })
    built.shared.mode = 'down'
    const refused = expect(built.spool.append(sampleBatch())).rejects.toMatchObject({
      code: 'store_busy',
    })
    await vi.waitFor(() => expect(built.timers.ring(SPOOL_LIMIT_MS)).toBe(1))
    await refused
  })

  it('is drained all the same where nothing can be written, and is well once it can', async () => {
    let isFull = true
    const openFiles: typeof openBatchFiles = async (...given) => {
      const real = await openBatchFiles(...given)
      const check = async () => {
        if (isFull) throw new ReceiverError('store_full')
      }
      const drop: typeof real.drop = (batch) => check().then(() => real.drop(batch))
      return { ...real, drop, probe: () => check().then(real.probe) }
    }
    const built = await buildStarted({ openFiles })
    const batches = sampleBatches(3)
    await spoolAll(built, batches)
    await comeBack(built)
    await vi.waitFor(() => expect(idsOf(built.shared.kept)).toEqual(idsOf(batches)), SOON)
    await vi.waitFor(
      () => expect(built.facts.spoolFailed).toMatchObject([{ code: 'store_full' }]),
      SOON,
    )
    isFull = false
    await vi.waitFor(() => {
      for (const ms of PAUSES_MS) built.timers.ring(ms)
      expect(built.facts.spoolRecovered).toHaveLength(1)
    }, SOON)
    await spoolAll(built, sampleBatches(1))
    expect(built.facts.spoolFailed).toHaveLength(1)
  })

  it('does not keep the receiver from acknowledging through the store', async () => {
    const openFiles = () => Promise.reject(new ReceiverError('store_busy', { detail: 'read-only' }))
    const built = await buildStarted({ openFiles })
    await built.spool.append(sampleBatch())
    expect(built.shared.kept).toHaveLength(1)
    expect(built.spool.state()).toBe('degraded: the spool cannot keep batches (store_busy)')
    expect(built.spool.canAcknowledge()).toBe(true)
    expect(built.facts.spoolFailed).toEqual([{ code: 'store_busy', detail: 'read-only' }])
  })
})

describe('the directory of a spool', () => {
  it('belongs to one process', async () => {
    const built = await buildStarted()
    const openFiles: typeof openBatchFiles = (...given) => openBatchFiles(given[0], given[1], 200)
    const second = buildSpool({ directory: built.directory, openFiles })
    await expect(second.spool.start()).rejects.toMatchObject({ code: 'store_locked' })
  })

  it('raises an alarm once an outage when its disk is 80 % full', async () => {
    const usedPercent = vi.fn(async () => 80)
    const built = await buildStarted({ usedPercent })
    await spoolAll(built, sampleBatches(1))
    const endPause = () => PAUSES_MS.some((ms) => built.timers.ring(ms) > 0)
    // A pause that began before the batch came saw an empty spool; the next one does not.
    await vi.waitFor(() => {
      if (built.facts.spoolFilling.length === 0) endPause()
      expect(built.facts.spoolFilling).toEqual([{ usedPercent: 80, waiting: 1 }])
    })
    for (let pauses = 0; pauses < 2; pauses++) await vi.waitFor(() => expect(endPause()).toBe(true))
    expect(usedPercent).toHaveBeenCalledTimes(1)
  })

  it('is warned of when it ends with its container', async () => {
    const directory = newDirectory()
    const built = await buildStarted({ directory, isOnContainerLayer: async () => true })
    expect(built.facts.spoolAtRisk).toEqual([{ directory }])
  })
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PROGRESS } from '../../../src/dispatch/channel-frames.ts'
import { makeFolder } from '../../config/settings-folder.ts'
import { frame, keyOf, type RunningHost, runHost, waitUntil } from './run-host.ts'

const event = { event: 'delivery', event_id: 'e1', timestamp: 1_768_651_200 }
const many = (count: number) => Array.from({ length: count }, (_, n) => ({ ...event, n }))

const handlerText = (on: string) =>
  `import { defineHandler } from 'mailtrap-receiver'\nexport default defineHandler({ name: 'tested', ${on} })`

/** Ends an attempt when its number is named by an event of the name `end`. */
const GATED = handlerText(`on: {
  open: (event, { log }) => new Promise((resolve) => {
    (globalThis.ends ??= []).push(resolve)
    globalThis.most = Math.max(globalThis.most ?? 0, globalThis.ends.length)
    log.info('begun', { n: event.original?.n })
  }),
  '*': () => {},
}`)

async function waitForAll(host: RunningHost, page: number, count: number): Promise<void> {
  await waitUntil(() => host.count(page, 'done') === count)
}

describe('a page', { concurrent: true }, () => {
  it('is told whole in one frame', async () => {
    const host = await runHost({ name: 'noop' })
    const ready = { name: 'noop', keys: ['*'], takesBatches: false, callEvents: 1 }
    expect(host.frames).toEqual([{ ready }])
    host.send({ page: 7, parts: [many(200), many(300)] })
    await waitForAll(host, 7, 500)
    expect(host.frames).toHaveLength(2)
  })

  it('of one event is told together with those that end in the same turn', async () => {
    const host = await runHost({ name: 'noop' })
    const pages = Array.from({ length: 300 }, (_, n) => ({ page: n, slot: n, parts: [[event]] }))
    host.send(...pages)
    await waitForAll(host, 299, 1)
    for (const { page } of pages) expect(host.toldOf(page)).toEqual(new Map([[0, 'done']]))
    // They come in as many turns as the pipe makes of them: fewer by far than pages.
    expect(host.frames.length).toBeLessThan(pages.length / 4)
  })

  it('brings its events in order, with what is known of each', async () => {
    const text = handlerText(`on: { '*': (event, { log, signal, ...known }) => {
      log.info('seen', { event, ...known, isAborted: signal.aborted })
    } }`)
    const host = await runHost({ text }, { concurrency: 1 })
    const exact = '{ "event" : "Soft_Bounce", "email": "käthe@example.com", "n": 1.0 }'
    const facts = { attempt: 3, source: 'tx' }
    host.send({ page: 1, parts: [[event, exact], [{ event: 'new' }]], facts })
    await waitForAll(host, 1, 3)
    const seen = host.logs.map(({ fields }) => fields)
    expect(seen).toMatchObject([
      { type: 'delivery', name: 'email.delivered', occurredAt: '2026-01-17T12:00:00.000Z' },
      { type: 'soft bounce', name: 'email.deferred', payload: exact },
      { type: 'new', payload: '{"event":"new"}' },
    ])
    for (const [at, fields] of seen.entries()) {
      expect(fields).toMatchObject({
        handler: 'tested',
        attempt: 3,
        provider: 'mailtrap',
        source: 'tx',
        receivedAt: new Date(1_768_651_300_000).toJSON(),
        idempotencyKey: `tested:${keyOf(1, at).toString('base64url')}`,
        isAborted: false,
        original: JSON.parse([JSON.stringify(event), exact, '{"event":"new"}'][at]!),
      })
    }
  })

  it('brings an event without a usable name to those that take every event', async () => {
    const text = handlerText(
      `on: { open: () => {}, '*': (event, { log, type }) => log.info(type, event) }`,
    )
    const host = await runHost({ text })
    const nameless = [{ event: '' }, { event: 7 }, { event: null }, { email: 'a@example.com' }]
    host.send({ page: 1, parts: [nameless] })
    await waitForAll(host, 1, 4)
    expect(host.logs.map(({ fields }) => fields)).toEqual(nameless)
  })

  it('is read in whatever pieces it comes', async () => {
    const host = await runHost({ name: 'noop' })
    const pages = [1, 2, 3].map((page) => ({ page, slot: page, parts: [many(3)] }))
    const bytes = host.encode(...pages)
    for (let at = 0; at < bytes.length; at += 7) {
      host.sendBytes(bytes.subarray(at, at + 7))
      if (at % 5 === 0) await new Promise(setImmediate)
    }
    for (const page of [1, 2, 3]) await waitForAll(host, page, 3)
  })

  it('may be of 16 MB', async () => {
    const text = handlerText(`on: { '*': (event, { log }) => log.info(String(event.x.length)) }`)
    const host = await runHost({ text })
    const length = 16 * 1024 * 1024
    host.send({ page: 1, parts: [[{ ...event, x: 'x'.repeat(length) }]] })
    await waitForAll(host, 1, 1)
    expect(host.logs[0]?.text).toBe(String(length))
  })
})

describe('the attempts of a process', () => {
  it('are as many at once as set, across pages, in order', async () => {
    const host = await runHost({ text: GATED }, { concurrency: 3 })
    host.send({ page: 1, slot: 0, parts: [many(2).map((one) => ({ ...one, event: 'open' }))] })
    host.send({ page: 2, slot: 1, parts: [many(3).map((one) => ({ ...one, event: 'open' }))] })
    await waitUntil(() => host.logs.length === 3)
    expect(host.progress(0, 2)).toEqual([1, 1])
    expect(host.progress(1, 3)).toEqual([1, 0, 0])
  })

  it('begin anew as soon as there is room', async () => {
    const text = handlerText(`on: { '*': async (event, { log }) => {
      globalThis.now = (globalThis.now ?? 0) + 1
      globalThis.most = Math.max(globalThis.most ?? 0, globalThis.now)
      await new Promise((resolve) => setTimeout(resolve, event.n % 3))
      globalThis.now--
      if (event.n === 99) log.info('most', { most: globalThis.most })
    } }`)
    const host = await runHost({ text }, { concurrency: 4 })
    host.send({ page: 1, parts: [many(100)] })
    await waitForAll(host, 1, 100)
    expect(host.logs).toMatchObject([{ fields: { most: 4 } }])
  })

  it('leave an event alone that is to be alone', async () => {
    const text = handlerText(`on: { '*': async (event, { log }) => {
      globalThis.now = (globalThis.now ?? 0) + 1
      const before = globalThis.now
      await new Promise((resolve) => setTimeout(resolve, 20))
      log.info(event.what, { before, after: globalThis.now })
      globalThis.now--
    } }`)
    const host = await runHost({ text })
    const named = (what: string, count: number) => [many(count).map((one) => ({ ...one, what }))]
    host.send(
      { page: 1, slot: 0, parts: named('other', 2) },
      { page: 2, slot: 1, parts: named('alone', 1), isAlone: true },
      { page: 3, slot: 2, parts: named('alone', 1), isAlone: true },
      { page: 4, slot: 3, parts: named('other', 2) },
    )
    await waitForAll(host, 4, 2)
    const alone = host.logs.filter(({ text }) => text === 'alone').map(({ fields }) => fields)
    expect(alone).toEqual([
      { before: 1, after: 1 },
      { before: 1, after: 1 },
    ])
    expect(host.logs.map(({ text }) => text)).toEqual([
      'other',
      'other',
      'alone',
      'alone',
      'other',
      'other',
    ])
  })

  it('give an `onBatch` up to 500 events a call, one call at a time', async () => {
    const text = handlerText(`onBatch: async (items, { log, signal, handler }) => {
      globalThis.now = (globalThis.now ?? 0) + 1
      await new Promise((resolve) => setTimeout(resolve, 10))
      log.info(handler, { size: items.length, now: globalThis.now-- })
      return items.filter(({ event }) => event.n === 3).map(({ id }) => id)
    }`)
    const host = await runHost({ text })
    const pages = [300, 300, 5].map((count, n) => ({ page: n, slot: n, parts: [many(count)] }))
    host.send(...pages)
    await waitUntil(() => host.toldOf(2).size === 5)
    expect(host.logs.map(({ fields }) => fields)).toEqual([
      { size: 500, now: 1 },
      { size: 105, now: 1 },
    ])
    expect(host.failures.map(({ page, at }) => [page, at])).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
    ])
  })

  it('do not keep the channel from being served, however fast they follow each other', async () => {
    const host = await runHost({ name: 'noop' })
    const pages = Array.from({ length: 400 }, (_, n) => ({ page: n, slot: n, parts: [many(500)] }))
    host.send(...pages)
    host.order({ stop: true })
    await waitUntil(() => host.exit !== undefined)
    expect(host.exit).toEqual({ code: 0, signal: null })
    const told = pages.map(({ page }) => host.toldOf(page))
    expect(told.every(({ size }) => size === 500)).toBe(true)
    expect(told.at(-1)?.get(499)).toBe('returned')
    expect(told[0]?.get(0)).toBe('done')
  })
})

describe('what has ended', { concurrent: true }, () => {
  const quickAndHanging = handlerText(`on: {
    open: () => new Promise(() => {}),
    click: () => Promise.reject(new Error('failed')),
    '*': () => {},
  }`)

  it('is told after a second while others of its page go on', async () => {
    const host = await runHost({ text: quickAndHanging })
    const sentAt = performance.now()
    host.send({ page: 1, parts: [[event, { event: 'open' }, { event: 'click' }, event]] })
    await waitUntil(() => host.toldOf(1).size === 3)
    const waitedMs = performance.now() - sentAt
    expect(waitedMs).toBeGreaterThan(900)
    expect([...host.toldOf(1)].toSorted()).toEqual([
      [0, 'done'],
      [2, 'retry'],
      [3, 'done'],
    ])
  })

  it('is told with its error when it failed, a few a frame', async () => {
    const text = handlerText(`on: {
      open: () => { throw new PermanentError('never') },
      '*': async ({ n }) => { if (n !== 77) throw new Error('later ' + n) },
    }`).replace('{ defineHandler }', '{ defineHandler, PermanentError }')
    const host = await runHost({ text })
    host.send({ page: 5, parts: [many(499), [{ event: 'open' }]] })
    await waitUntil(() => host.toldOf(5).size === 500)
    expect(host.count(5, 'retry')).toBe(498)
    expect(host.toldOf(5).get(77)).toBe('done')
    expect(host.toldOf(5).get(499)).toBe('dead')
    const [first] = host.failures
    expect(first).toMatchObject({
      page: 5,
      at: 0,
      error: expect.stringMatching(/^Error: later 0\n/),
    })
    expect(first?.ms).toBeGreaterThanOrEqual(0)
  })

  it('is told with how long it took', async () => {
    const text = handlerText(
      `on: { '*': ({ n }) => n === 1 && new Promise((resolve) => setTimeout(resolve, 120)) }`,
    )
    const host = await runHost({ text }, { concurrency: 1 })
    const sentAt = performance.now()
    host.send({ page: 1, parts: [many(3)] })
    await waitForAll(host, 1, 3)
    const tookMs = performance.now() - sentAt
    const [before = 0, slow = 0, after = 0] = host.doneMs(1)
    expect(slow).toBeGreaterThanOrEqual(118)
    // Each its own time, of one after the other, rounded.
    expect(before + slow + after).toBeLessThanOrEqual(tookMs + 3)
  })
})

describe('orders', { concurrent: true }, () => {
  it('abort: abort the signals of all that runs, and nothing else', async () => {
    const text = handlerText(`on: { '*': (event, { signal }) => new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    }) }`)
    const host = await runHost({ text }, { concurrency: 2 })
    host.send({ page: 1, parts: [many(3)] })
    await waitUntil(() => host.progress(0, 3).filter((state) => state === 1).length === 2)
    host.order({ abort: true })
    await waitUntil(() => host.count(1, 'retry') === 2)
    expect(host.failures.map(({ error }) => error)).toEqual([
      expect.stringMatching(/AbortError/),
      expect.stringMatching(/AbortError/),
    ])
    await waitUntil(() => host.progress(0, 3)[2] === 1)
  })

  it('stop: gives back what has not started, finishes the rest, and exits', async () => {
    const gate = join(makeFolder(), 'gate')
    const text = handlerText(`on: { '*': async (event, { log }) => {
      log.info('begun')
      const { existsSync } = await import('node:fs')
      while (!existsSync(${JSON.stringify(gate)})) await new Promise((next) => setTimeout(next, 10))
    } }`)
    const host = await runHost({ text }, { concurrency: 2 })
    host.send({ page: 1, slot: 0, parts: [many(4)] }, { page: 2, slot: 1, parts: [many(9)] })
    await waitUntil(() => host.logs.length === 2)
    host.order({ stop: true })
    await waitUntil(() => host.count(2, 'returned') === 9)
    writeFileSync(gate, '')
    await waitUntil(() => host.exit !== undefined)
    expect(host.exit).toEqual({ code: 0, signal: null })
    expect([...host.toldOf(1).values()].toSorted()).toEqual([
      'done',
      'done',
      'returned',
      'returned',
    ])
  })

  it('recall: gives back what has not started, says so, and goes on', async () => {
    const text = handlerText(`on: {
      open: () => new Promise(() => {}),
      '*': () => {},
    }`)
    const host = await runHost({ text }, { concurrency: 1 })
    host.send({ page: 1, slot: 0, parts: [[{ event: 'open' }, event, event]] })
    await waitUntil(() => host.progress(0, 1)[0] === PROGRESS.started)
    host.order({ recall: true })
    await waitUntil(() => host.frames.some(({ recalled }) => recalled === 1))
    expect([...host.toldOf(1)]).toEqual([
      [1, 'returned'],
      [2, 'returned'],
    ])
    expect(host.progress(0, 1)).toEqual([PROGRESS.started])
    host.order({ recall: true })
    await waitUntil(() => host.frames.filter(({ recalled }) => recalled === 1).length === 2)
    expect(host.exit).toBeUndefined()
  })

  it('stop: exits at once when nothing runs', async () => {
    const host = await runHost({ name: 'noop' })
    host.sendBytes(frame({ stop: true }))
    await waitUntil(() => host.exit !== undefined)
    expect(host.exit).toEqual({ code: 0, signal: null })
  })
})

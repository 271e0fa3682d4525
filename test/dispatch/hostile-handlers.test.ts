import { describe, expect, it } from 'vitest'
import { watchTurns } from '../watch-turns.ts'
import { makeEvents } from './memory-store.ts'
import {
  errorsOf,
  expectGone,
  outcomesOf,
  type RunningLanes,
  runLanes,
  waitUntil,
} from './run-lanes.ts'

const QUICK = { timeoutMs: 500, retryDelaysMs: [0] }
const limits = { graceMs: 200 }

/** Adds one job that does `act`, waits until it is dead, and answers its id. */
async function runToDeath({ store }: RunningLanes, act: string, wish = {}): Promise<number> {
  const [job] = makeEvents('acting', 1, { act, ...wish })
  store.add([job!])
  await waitUntil(() => store.get('acting', job!.event).state === 'dead')
  return job!.event
}

async function expectWorks({ store }: RunningLanes): Promise<void> {
  const [job] = makeEvents('acting', 1, { act: 'succeed' })
  store.add([job!])
  await waitUntil(() => store.get('acting', job!.event).state === 'done')
}

describe('a handler that throws anything', { concurrent: true }, () => {
  it('is recorded and tried again, and keeps its process', async () => {
    const running = await runLanes({ handlers: [{ name: 'acting', retryDelaysMs: [0] }] })
    for (const [act, text] of [
      ['throwText', /^plain text$/],
      ['throwNull', /null/],
      ['throwUndefined', /undefined/],
      ['throwFrozen', /^Error: frozen/],
      ['throwTrap', /./],
      ['throwHuge', /^Error: x{500}/],
      ['throwControls', /^Error: \S{500}/],
    ] as const) {
      const event = await runToDeath(running, act)
      expect(outcomesOf(running.store, 'acting', event), act).toEqual(['retry', 'dead'])
      for (const error of errorsOf(running.store, 'acting', event)) {
        expect(error, act).toMatch(text)
        expect(error?.length, act).toBeLessThanOrEqual(2_000)
      }
    }
    expect(running.observer.facts.handlerStarted).toHaveLength(1)
  })
})

describe('a handler whose process ends', { concurrent: true }, () => {
  it.each([
    ['exit0', 'process ended: exit code 0'],
    ['exit1', 'process ended: exit code 1'],
    ['abort', 'process ended: signal SIGABRT'],
    ['kill', 'process ended: signal SIGKILL'],
  ])('has failed the attempt, and is started again: %s', async (act, error) => {
    const running = await runLanes({ handlers: [{ name: 'acting', retryDelaysMs: [0] }] })
    const event = await runToDeath(running, act)
    expect(outcomesOf(running.store, 'acting', event)).toEqual(['retry', 'dead'])
    expect(errorsOf(running.store, 'acting', event)).toEqual([error, error])
    await expectWorks(running)
    expect(running.observer.facts.handlerStarted.length).toBeGreaterThanOrEqual(2)
    expect(running.observer.facts.handlerEnded[0]).toMatchObject({ isPlanned: false })
  })

  it.each([
    ['throwLater', /thrown where nobody waits/],
    ['rejectLater', /rejected where nobody waits/],
  ])('learns why, when nobody caught the error: %s', async (act, error) => {
    const running = await runLanes({ handlers: [{ name: 'acting', retryDelaysMs: [] }] })
    const event = await runToDeath(running, act)
    expect(errorsOf(running.store, 'acting', event)[0]).toMatch(error)
    await expectWorks(running)
  })

  it('does not count an attempt for jobs that had not started', async () => {
    const handlers = [{ name: 'acting', concurrency: 1, retryDelaysMs: [] }]
    const { store } = await runLanes({ handlers })
    const [fatal] = makeEvents('acting', 1, { act: 'exit1' })
    const others = makeEvents('acting', 20, { act: 'succeed' })
    store.add([fatal!, ...others])
    await waitUntil(() => store.count('acting', 'done') === 20)
    expect(store.get('acting', fatal!.event).state).toBe('dead')
    for (const { event } of others) expect(store.get('acting', event).attempt).toBe(1)
  })

  it('holds nobody up: one job in a hundred is poison', async () => {
    const handlers = [{ name: 'acting', retryDelaysMs: [10, 10] }]
    const { store } = await runLanes({ handlers })
    const jobs = Array.from({ length: 3 }, () => [
      ...makeEvents('acting', 50, { act: 'succeed' }),
      ...makeEvents('acting', 1, { act: 'throwText' }),
      ...makeEvents('acting', 49, { act: 'succeed' }),
    ]).flat()
    store.add(jobs)
    await waitUntil(
      () => store.count('acting', 'done') === 297 && store.count('acting', 'dead') === 3,
    )
  })

  it('survives a SIGTERM of its own', async () => {
    const running = await runLanes({ handlers: [{ name: 'acting' }] })
    running.store.add(makeEvents('acting', 1, { act: 'terminate' }))
    await waitUntil(() => running.store.count('acting', 'done') === 1)
    expect(running.observer.facts.handlerEnded).toEqual([])
  })
})

describe('a handler that overruns its time', { concurrent: true }, () => {
  it('has its signal aborted, and keeps its process when it obeys; it has failed also when it then succeeds', async () => {
    const running = await runLanes({
      handlers: [{ name: 'acting', ...QUICK }],
      limits: { graceMs: 10_000 },
    })
    for (const act of ['obey', 'shrug']) {
      const event = await runToDeath(running, act)
      expect(errorsOf(running.store, 'acting', event), act).toEqual([
        'timed out after 500 ms',
        'timed out after 500 ms',
      ])
    }
    expect(running.observer.facts.handlerStarted).toHaveLength(1)
  })

  it.each(['hang', 'spin'])('is killed when it does not end: %s', async (act) => {
    const running = await runLanes({ handlers: [{ name: 'acting', ...QUICK }], limits })
    const event = await runToDeath(running, act)
    expect(errorsOf(running.store, 'acting', event)).toEqual([
      'timed out after 500 ms',
      'timed out after 500 ms',
    ])
    await expectWorks(running)
    for (const { durationMs } of running.store.get('acting', event).attempts) {
      expect(durationMs).toBeGreaterThanOrEqual(700)
    }
    const [first] = running.observer.facts.handlerStarted
    await expectGone(first!.pid)
  })

  it('does not let its innocent neighbours be dead', async () => {
    const handlers = [{ name: 'acting', timeoutMs: 6_000, retryDelaysMs: [], concurrency: 2 }]
    const { store } = await runLanes({ handlers, limits })
    const jobs = [
      ...makeEvents('acting', 1, { act: 'hang' }),
      ...makeEvents('acting', 1, { act: 'take', ms: 3_000 }),
      // Begins when that has ended: it is at work when the first one has overrun.
      ...makeEvents('acting', 1, { act: 'hangOnce' }),
    ]
    store.add(jobs)
    await waitUntil(() => store.count('acting', 'done') === 2)
    expect(store.get('acting', jobs[0]!.event).state).toBe('dead')
    expect(outcomesOf(store, 'acting', jobs[2]!.event)).toEqual(['retry', 'done'])
    expect(errorsOf(store, 'acting', jobs[2]!.event)[0]).toMatch(
      /^interrupted: another attempt overran/,
    )
  })
})

describe('a handler that forks', { concurrent: true }, () => {
  it('leaves nothing behind when it is killed, not even what left its process group', async () => {
    const running = await runLanes({
      handlers: [{ name: 'acting', timeoutMs: 1_500, retryDelaysMs: [] }],
      limits,
    })
    await runToDeath(running, 'forkAndHang')
    const line = running.observer.facts.handlerWrote.find(({ text }) => text === 'forked')
    const pids = line?.fields?.['pids'] as number[]
    expect(pids).toHaveLength(2)
    for (const pid of pids) await expectGone(pid)
  })
})

describe('a handler that leaks', { concurrent: true }, () => {
  it('is killed when its Buffers, which no heap limit covers, have grown far too large', async () => {
    const handlers = [{ name: 'acting', retryDelaysMs: [] }]
    const megabyte = 1024 * 1024
    const tight = { maxHeapBytes: 100 * megabyte, memoryMarginBytes: 150 * megabyte }
    const running = await runLanes({ handlers, limits: tight })
    const event = await runToDeath(running, 'leak')
    expect(errorsOf(running.store, 'acting', event)[0]).toMatch(
      /^process ended: it held \d+ MB of memory$/,
    )
    await expectWorks(running)
  })

  it('is replaced after so many jobs, without losing or repeating one', async () => {
    const { store, observer } = await runLanes({
      handlers: [{ name: 'noop' }],
      limits: { maxEvents: 300 },
    })
    store.add(makeEvents('noop', 1_000))
    await waitUntil(() => store.count('noop', 'done') === 1_000)
    expect(observer.facts.handlerStarted.length).toBeGreaterThan(1)
    expect(observer.facts.handlerEnded.every(({ isPlanned }) => isPlanned)).toBe(true)
    for (const { attempt } of store.events.values()) expect(attempt).toBe(1)
  })

  it('is replaced at a certain age', async () => {
    const { store, observer } = await runLanes({
      handlers: [{ name: 'noop' }],
      limits: { maxAgeMs: 300 },
    })
    await waitUntil(() => observer.facts.handlerStarted.length >= 2)
    store.add(makeEvents('noop', 10))
    await waitUntil(() => store.count('noop', 'done') === 10)
  })
})

describe('a handler that writes', () => {
  it('is heard, on stdout, stderr and its log, which knows of which attempt it is', async () => {
    const { store, observer } = await runLanes({ handlers: [{ name: 'acting' }] })
    const [logging] = makeEvents('acting', 1, { act: 'logOddly' })
    store.add([...makeEvents('acting', 1, { act: 'print' }), logging!])
    await waitUntil(
      () => store.count('acting', 'done') === 2 && observer.facts.handlerWrote.length === 7,
    )
    const lines = observer.facts.handlerWrote
    expect(lines).toContainEqual({ handler: 'acting', level: 'info', text: 'a line on stdout' })
    expect(lines).toContainEqual({ handler: 'acting', level: 'warn', text: 'a line on stderr' })
    expect(lines).toContainEqual({
      handler: 'acting',
      level: 'warn',
      text: 'fields',
      fields: { answer: 42 },
      ...{ event: String(logging?.event), batch: expect.any(String), attempt: 1 },
    })
    expect(lines).toContainEqual(
      expect.objectContaining({ text: 'circle', fields: { omitted: 'not JSON' } }),
    )
    expect(lines).toContainEqual(
      expect.objectContaining({ text: 'big', fields: { omitted: 'too large' } }),
    )
  })

  it('is cut short and dropped when it writes too much, and does not hold us up', async () => {
    const running = await runLanes({ handlers: [{ name: 'acting' }] })
    const { store, observer } = running
    const turns = watchTurns()
    store.add(makeEvents('acting', 1, { act: 'flood', ms: 2_000 }))
    await waitUntil(() => store.count('acting', 'done') === 1)
    const longestMs = turns.stop()
    await waitUntil(() => observer.facts.handlerOutputDropped.length > 0)
    expect(observer.facts.handlerWrote.length).toBeLessThan(10_000)
    // Some tens of milliseconds.
    expect(longestMs).toBeLessThan(500)
  })

  it('is bounded also by way of its log', async () => {
    const { store, observer } = await runLanes({ handlers: [{ name: 'acting' }] })
    const startedAt = performance.now()
    store.add(makeEvents('acting', 1, { act: 'floodLog' }))
    await waitUntil(() => observer.facts.handlerOutputDropped.length > 0)
    await waitUntil(() => store.count('acting', 'done') === 1)
    const seconds = Math.ceil((performance.now() - startedAt) / 1_000)
    expect(observer.facts.handlerWrote.length).toBeLessThanOrEqual((seconds + 2) * 1_000)
  })
})

describe('a handler that meddles with the channel', { concurrent: true }, () => {
  it.each(['writeGarbage', 'writeEndlessLine'])('is killed: %s', async (act) => {
    const running = await runLanes({ handlers: [{ name: 'acting', retryDelaysMs: [] }] })
    const [job] = makeEvents('acting', 1, { act })
    running.store.add([job!])
    await waitUntil(() => running.observer.facts.handlerEnded.length > 0)
    expect(running.observer.facts.handlerEnded[0]?.reason).toMatch(/channel of its outcomes$/)
    await expectGone(running.observer.facts.handlerStarted[0]!.pid)
    await expectWorks(running)
  })

  it('cannot end what it was not given', async () => {
    const handlers = [{ name: 'acting', retryDelaysMs: [] }, { name: 'steady' }]
    const running = await runLanes({ handlers })
    const event = await runToDeath(running, 'forge')
    expect(errorsOf(running.store, 'acting', event)[0]).toMatch(/honest failure/)
    running.store.add(makeEvents('steady', 10))
    await waitUntil(() => running.store.count('steady', 'done') === 10)
    expect(running.observer.facts.handlerEnded).toEqual([])
    const started = running.observer.facts.handlerStarted.map(({ handler }) => handler)
    expect(started.toSorted()).toEqual(['acting', 'steady'])
  })

  it('harms only itself when it patches globals', async () => {
    const handlers = [{ name: 'acting', ...QUICK, concurrency: 1 }, { name: 'steady' }]
    const running = await runLanes({ handlers, limits })
    running.store.add(makeEvents('acting', 1, { act: 'patchGlobals' }))
    const { attemptEnded, runProgressed } = running.observer.facts
    await waitUntil(() => attemptEnded.length + runProgressed.length > 0)
    running.store.add(makeEvents('steady', 10))
    await waitUntil(() => running.store.count('steady', 'done') === 10)
    expect(JSON.stringify({ a: 1 })).toBe('{"a":1}')
    expect('patched' in {}).toBe(false)
  })
})

import { describe, expect, it } from 'vitest'
import { loadedMs } from '../loaded-ms.ts'
import { MemoryStore, makeEvents } from './memory-store.ts'
import type { RecordingObserver } from './recording-observer.ts'
import {
  errorsOf,
  expectGone,
  outcomesOf,
  recordEnded,
  runLanes,
  settingsOf,
  waitUntil,
} from './run-lanes.ts'

describe('Lanes', () => {
  it('runs jobs and records that they are done', async () => {
    const { store, observer, report } = await runLanes({ handlers: [{ name: 'noop' }] })
    expect(report.problems).toEqual([])
    expect(report.registrations).toMatchObject([{ name: 'noop', keys: ['*'], takesBatches: false }])
    store.add(makeEvents('noop', 2_000))
    await waitUntil(() => store.count('noop', 'done') === 2_000)
    expect([...store.events.values()].every((job) => job.attempt === 1)).toBe(true)
    expect(countDone(observer)).toBe(2_000)
    expect(observer.facts.attemptEnded).toEqual([])
    expect(store.calls.commit).toBeLessThan(50)
  })

  it('tries again no sooner than a handler says', async () => {
    const handlers = [{ name: 'acting', retryDelaysMs: [0, 0] }]
    const { store, observer } = await runLanes({ handlers })
    store.add(makeEvents('acting', 1, { act: 'throwRetryLater', afterSeconds: 3_600 }))
    await waitUntil(() => observer.facts.attemptEnded.length === 1)
    expect(observer.facts.attemptEnded).toMatchObject([{ outcome: 'retry', attempt: 1 }])
    const [job] = store.events.values()
    await waitUntil(() => (job?.dueAt ?? 0) > performance.now() + 3_000_000)
  })

  it('finds jobs without a hint', async () => {
    const store = new MemoryStore()
    const { observer } = await runLanes({ handlers: [{ name: 'noop' }], store })
    store.onWork = () => {}
    store.add(makeEvents('noop', 1))
    await waitUntil(() => store.count('noop', 'done') === 1)
    expect(observer.facts.handlerStarted).toMatchObject([{ handler: 'noop' }])
    expect(observer.facts.handlerEnded).toEqual([])
  })

  it('tries a failing job again by the schedule, then lets it be dead', async () => {
    const { store } = await runLanes({
      handlers: [{ name: 'acting', retryDelaysMs: [10, 20] }],
    })
    const [job] = makeEvents('acting', 1, { act: 'throwText' })
    store.add([job!])
    await waitUntil(() => store.get('acting', job!.event).state === 'dead')
    expect(store.get('acting', job!.event).attempts.map(({ outcome }) => outcome)).toMatchObject([
      { kind: 'retry', error: 'plain text', delayMs: 5 },
      { kind: 'retry', delayMs: 10 },
      { kind: 'dead' },
    ])
  })

  it('lets a job be dead at once when the handler says so', async () => {
    const { store } = await runLanes({ handlers: [{ name: 'acting' }] })
    const [job] = makeEvents('acting', 1, { act: 'throwPermanent' })
    store.add([job!])
    await waitUntil(() => store.get('acting', job!.event).state === 'dead')
    expect(outcomesOf(store, 'acting', job!.event)).toEqual(['dead'])
  })

  it('runs as many attempts at once as is set, and no more', async () => {
    const { store } = await runLanes({ handlers: [{ name: 'acting', concurrency: 5 }] })
    const startedAt = performance.now()
    store.add(makeEvents('acting', 20, { act: 'take', ms: 200 }))
    await waitUntil(() => store.count('acting', 'done') === 20)
    const elapsedMs = performance.now() - startedAt
    // 20 jobs of 200 ms, five at once.
    expect(elapsedMs).toBeGreaterThan(780)
    const durations = [...store.events.values()].flatMap(({ attempts }) =>
      attempts.map((a) => a.durationMs),
    )
    expect(Math.min(...durations)).toBeGreaterThan(150)
  })

  it('lets the store refuse an outcome that comes after its lease has ended and the job was claimed by somebody else', async () => {
    const store = new MemoryStore()
    const { lanes } = await runLanes({ handlers: [{ name: 'acting' }], store })
    const [job] = makeEvents('acting', 1, { act: 'succeed' })
    store.onClaimed = () => store.stealRuns()
    store.add([job!])
    await waitUntil(() => store.refused === 1)
    expect(store.get('acting', job!.event).attempt).toBe(1)
    expect(store.get('acting', job!.event).state).toBe('pending')
    expect(lanes.held()).toEqual({ runs: [], jobs: [] })
  })

  it('loses no outcome while the store fails, and wants nothing meanwhile', async () => {
    const { store, lanes, observer } = await runLanes({
      handlers: [{ name: 'acting', concurrency: 20 }],
    })
    store.onClaimed = () => {
      store.failure = new Error('disk full')
    }
    store.add(makeEvents('acting', 20, { act: 'succeed' }))
    await waitUntil(() => countDone(observer) === 20)
    expect(store.count('acting', 'done')).toBe(0)
    expect(lanes.held().runs).toHaveLength(1)
    store.failure = undefined
    await waitUntil(() => store.count('acting', 'done') === 20)
    expect([...store.events.values()].every((job) => job.attempt === 1)).toBe(true)
    await waitUntil(() => lanes.held().runs.length === 0)
  })

  it('holds a bounded part of a backlog of 20,000 events', async () => {
    const { store } = await runLanes({ handlers: [{ name: 'acting', concurrency: 4 }] })
    store.add(makeEvents('acting', 20_000, { act: 'take', ms: 5 }))
    let most = 0
    await waitUntil(() => {
      const done = store.count('acting', 'done')
      most = Math.max(most, store.claimed - done)
      return done > 300
    })
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(1_000)
  })

  it('holds few events when they are large', async () => {
    const handlers = [{ name: 'acting', concurrency: 5 }]
    const { store, observer } = await runLanes({ handlers })
    const ballast = 'b'.repeat(1024 * 1024)
    for (let batch = 0; batch < 20; batch++) {
      store.add(makeEvents('acting', 5, { act: 'take', ms: 20, ballast }))
    }
    let most = 0
    await waitUntil(() => {
      most = Math.max(most, store.claimed - countDone(observer))
      return store.count('acting', 'done') === 100
    })
    expect(most).toBeLessThanOrEqual(20)
  })

  it('works at full speed again once a probe has succeeded', async () => {
    const handlers = [{ name: 'acting', retryDelaysMs: [60_000] }]
    const { store } = await runLanes({ handlers })
    store.add(makeEvents('acting', 150, { act: 'throwText' }))
    store.add(makeEvents('acting', 3_000, { act: 'succeed' }))
    await waitUntil(() => store.count('acting', 'done') === 3_000)
  })

  it('does not let a handler that hangs slow down another', async () => {
    const handlers = [{ name: 'acting', timeoutMs: 500 }, { name: 'steady' }]
    const { store, observer } = await runLanes({ handlers, limits: { graceMs: 200 } })
    store.add(makeEvents('acting', 1_000, { act: 'spin' }))
    await waitUntil(() => store.calls.claim > 0)
    store.add(makeEvents('steady', 5_000))
    await waitUntil(() => store.count('steady', 'done') === 5_000)
    const started = observer.facts.handlerStarted.filter(({ handler }) => handler === 'steady')
    expect(started).toHaveLength(1)
  })

  it('takes a fresh run whole that nobody has asked for', async () => {
    const store = new MemoryStore()
    const { lanes } = await runLanes({ handlers: [{ name: 'noop' }], store })
    store.onWork = () => {}
    store.add(makeEvents('noop', 500))
    const [run] = store.claimRuns({ handler: 'noop', events: 500, bytes: 1, leaseMs: 60_000 })
    expect(lanes.wouldTake('nobody', 1, 1)).toBe(false)
    expect(lanes.wouldTake('noop', 500, run!.body.length)).toBe(true)
    lanes.hand([run!])
    expect(lanes.wouldTake('noop', 500, run!.body.length)).toBe(false)
    expect(lanes.held().runs).toEqual([{ run: 1, fence: 1 }])
    await waitUntil(() => store.count('noop', 'done') === 500)
    await waitUntil(() => lanes.held().runs.length === 0)
  })

  it('gives back what nobody here can run', async () => {
    const store = new MemoryStore()
    const { lanes } = await runLanes({ handlers: [], store })
    store.add(makeEvents('elsewhere', 3))
    lanes.hand(store.claimRuns({ handler: 'elsewhere', events: 3, bytes: 1, leaseMs: 60_000 }))
    expect(store.leased('elsewhere')).toBe(3)
    recordEnded(lanes, store)
    expect(store.leased('elsewhere')).toBe(0)
  })

  it('keeps in hands, and tells until it is recorded, how all events of a run end that nobody is to run', async () => {
    const store = new MemoryStore()
    const { lanes } = await runLanes({ handlers: [], store })
    store.add(makeEvents('elsewhere', 3))
    const claim = { handler: 'elsewhere', events: 3, bytes: 1_000, leaseMs: 60_000 }
    const [run] = store.claimRuns(claim)
    lanes.failAll(run!, { kind: 'alone', error: 'x' })
    for (let told = 0; told < 2; told++) {
      const { progress } = lanes.takeEnded()
      expect(progress.map(({ failed }) => failed.length)).toEqual([3])
      expect(lanes.held().runs).toEqual([{ run: run!.run, fence: run!.fence }])
    }
    recordEnded(lanes, store)
    expect(lanes.held().runs).toEqual([])
    expect(store.claimJobs(claim).map(({ isAlone }) => isAlone)).toEqual([true, true, true])
  })

  it('sleeps until it is woken', async () => {
    const { lanes } = await runLanes({ handlers: [{ name: 'noop' }, { name: 'steady' }] })
    const asleep = () => lanes.wants().map(({ handler }) => handler)
    await waitUntil(() => asleep().length === 0)
    lanes.wake('steady')
    expect(asleep()).toEqual(['steady'])
    lanes.sleep('steady')
    lanes.wake()
    expect(asleep()).toEqual(['noop', 'steady'])
  })

  // From here on they wait more than they compute.

  it.concurrent('keeps the lease of a job that takes much longer', async () => {
    const { store } = await runLanes({
      handlers: [{ name: 'acting' }],
      leaseMs: 1_500,
    })
    const [job] = makeEvents('acting', 1, { act: 'take', ms: 5_000 })
    store.add([job!])
    await waitUntil(() => store.get('acting', job!.event).state === 'done')
    expect(store.get('acting', job!.event).attempt).toBe(1)
    expect(store.extended).toBeGreaterThan(2)
    expect(store.refused).toBe(0)
  })

  it.concurrent('probes a handler that only fails, instead of hammering the store', async () => {
    const handlers = [{ name: 'acting', concurrency: 50, retryDelaysMs: [60_000] }]
    const { store } = await runLanes({ handlers })
    const startedAt = performance.now()
    store.add(makeEvents('acting', 10_000, { act: 'throwText' }))
    await waitUntil(() => performance.now() - startedAt > 4_000)
    const seconds = (performance.now() - startedAt) / 1_000
    expect(store.claimed).toBeLessThan(600 + 100 * (seconds + 1))
    expect(store.calls.claim).toBeLessThan(20 + 2 * seconds)
  })

  it.concurrent('goes over to new code while events run, and asks the store for none of them again', async () => {
    const handlers = [{ name: 'loads-slowly', concurrency: 2 }]
    const { lanes, store, observer } = await runLanes({ handlers })
    store.add(makeEvents('acting', 40, { act: 'take', ms: 50 }))
    await waitUntil(() => store.claimed === 40)
    const order = { handlers: handlers.map(settingsOf), childEnv: { PATH: process.env.PATH } }
    expect(await lanes.reload({ ...order, isCodeNew: true })).toEqual({ problems: [] })
    await waitUntil(() => store.count('acting', 'done') === 40)
    expect(store.claimed).toBe(40)
    for (const { attempt } of store.events.values()) expect(attempt).toBe(1)
    await waitUntil(() => observer.facts.handlerEnded.length === 1)
    expect(observer.facts.handlerEnded).toMatchObject([{ isPlanned: true }])
    expect(observer.facts.handlerStarted).toHaveLength(2)
  })

  it.concurrent('lets a handler that is taken out of the settings finish, and gives back the rest', async () => {
    const { lanes, store, observer } = await runLanes({
      handlers: [{ name: 'acting', concurrency: 2 }, { name: 'steady' }],
    })
    store.add(makeEvents('acting', 40, { act: 'take', ms: 300 }))
    await waitUntil(() => store.claimed === 40)
    const childEnv = { PATH: process.env.PATH }
    await lanes.reload({ handlers: [settingsOf({ name: 'steady' })], childEnv, isCodeNew: false })
    const { handlerForgotten } = observer.facts
    await waitUntil(() => handlerForgotten.some(({ handler }) => handler === 'acting'))
    await waitUntil(() => store.leased('acting') === 0)
    expect(lanes.held()).toEqual({ runs: [], jobs: [] })
    expect(store.count('acting', 'done')).toBeLessThan(40)
    expect(lanes.registrations().map(({ name }) => name)).toEqual(['steady'])
  })

  describe('stop', { concurrent: true }, () => {
    it('lets attempts finish, gives back what has not started, and records both', async () => {
      const { store, lanes, observer } = await runLanes({
        handlers: [{ name: 'acting', concurrency: 5 }],
      })
      const jobs = makeEvents('acting', 500, { act: 'take', ms: 400 })
      store.add(jobs)
      await waitUntil(() => store.claimed >= 10)
      await waitUntil(() => countDone(observer) >= 5)
      await lanes.stop({ softMs: 15_000, hardMs: 20_000 })
      recordEnded(lanes, store)
      const done = store.count('acting', 'done')
      expect(done).toBeGreaterThanOrEqual(5)
      expect(store.leased('acting')).toBe(0)
      const rest = [...store.events.values()].filter(({ state }) => state === 'pending')
      expect(rest).toHaveLength(500 - done)
      expect(rest.every(({ attempts }) => attempts.length === 0)).toBe(true)
      expect(lanes.held()).toEqual({ runs: [], jobs: [] })
      for (const { pid } of observer.facts.handlerStarted) await expectGone(pid)
      expect(observer.facts.handlerEnded).toMatchObject([
        { reason: 'exit code 0', isPlanned: true },
      ])
    })

    it('aborts signals at the soft limit; what fails then is due at once and not dead', async () => {
      const handlers = [{ name: 'acting', concurrency: 5, retryDelaysMs: [] }]
      const { store, lanes, observer } = await runLanes({ handlers })
      store.add(makeEvents('acting', 5, { act: 'obey' }))
      await waitUntil(() => observer.facts.handlerWrote.length === 5)
      await lanes.stop({ softMs: 1_000, hardMs: 20_000 })
      recordEnded(lanes, store)
      const outcomes = [...store.events.values()].map(({ attempts }) =>
        attempts.map(({ outcome }) => outcome),
      )
      for (const [outcome] of outcomes)
        expect(outcome).toMatchObject({ kind: 'retry', delayMs: 0, isSpared: true })
    })

    it('kills at the hard limit what hangs; its jobs are due at once and not dead', async () => {
      const handlers = [{ name: 'acting', concurrency: 1, retryDelaysMs: [] }]
      const { store, lanes, observer } = await runLanes({ handlers })
      const [job] = makeEvents('acting', 1, { act: 'spin' })
      store.add([job!])
      await waitUntil(() => observer.facts.handlerWrote.length === 1)
      await lanes.stop({ softMs: 300, hardMs: 1_000 })
      recordEnded(lanes, store)
      for (const { pid } of observer.facts.handlerStarted) await expectGone(pid)
      // On a busy machine its end may come later than the stop waits for it.
      await expect
        .poll(() => errorsOf(store, 'acting', job!.event))
        .toEqual(['interrupted: the receiver stopped'])
      expect(store.get('acting', job!.event).state).toBe('pending')
    })

    it('can be made quicker by a second call', async () => {
      const { store, lanes } = await runLanes({ handlers: [{ name: 'acting' }] })
      store.add(makeEvents('acting', 1, { act: 'hang' }))
      await waitUntil(() => store.claimed === 1)
      const gentle = lanes.stop({ softMs: 60_000, hardMs: 120_000 })
      await lanes.stop({ softMs: 0, hardMs: 0 })
      await gentle
    })

    it('waits for no handler that still loads to replace one that runs', async () => {
      const { store, lanes, observer } = await runLanes({
        handlers: [{ name: 'loads-slowly', retryDelaysMs: [] }],
      })
      const [job] = makeEvents('acting', 1, { act: 'obey' })
      store.add([job!])
      await waitUntil(() => observer.facts.handlerWrote.length === 1)
      const reloading = lanes.reload({
        handlers: [settingsOf({ name: 'loads-slowly', retryDelaysMs: [] })],
        childEnv: { PATH: process.env.PATH, LOADING_MS: '600000' },
        isCodeNew: false,
      })
      const startedAt = performance.now()
      await lanes.stop({ softMs: 2_000, hardMs: 600_000 })
      recordEnded(lanes, store)
      expect(performance.now() - startedAt).toBeLessThan(loadedMs(15_000))
      expect(await reloading).toEqual({ problems: [] })
      expect(outcomesOf(store, 'acting', job!.event)).toEqual(['retry'])
    })
  })
})

const countDone = ({ facts }: RecordingObserver): number =>
  facts.runProgressed.reduce((sum, { done }) => sum + done, 0)

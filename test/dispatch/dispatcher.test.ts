import { describe, expect, it } from 'vitest'
import { MemoryStore, makeJobs } from './memory-store.ts'
import {
  errorsOf,
  expectGone,
  modulePath,
  outcomesOf,
  runDispatcher,
  waitUntil,
} from './run-dispatcher.ts'

describe('createDispatcher', () => {
  it('runs jobs and records that they are done', async () => {
    const { store, observer, report } = await runDispatcher({ handlers: [{ name: 'noop' }] })
    expect(report.problems).toEqual([])
    expect(report.registrations).toMatchObject([{ name: 'noop', keys: ['*'], takesBatches: false }])
    store.add(makeJobs('noop', 2_000))
    await waitUntil(() => store.count('noop', 'done') === 2_000)
    expect([...store.jobs.values()].every((job) => job.attempt === 1)).toBe(true)
    expect(observer.facts.attemptEnded).toHaveLength(2_000)
    expect(store.calls.settle).toBeLessThan(500)
  })

  it('finds jobs without a hint', async () => {
    const store = new MemoryStore()
    const { observer } = await runDispatcher({ handlers: [{ name: 'noop' }], store })
    store.hint = () => {}
    store.add(makeJobs('noop', 1))
    await waitUntil(() => store.count('noop', 'done') === 1)
    expect(observer.facts.handlerStarted).toMatchObject([{ handler: 'noop' }])
    expect(observer.facts.handlerEnded).toEqual([])
  })

  it('tries a failing job again by the schedule, then lets it be dead', async () => {
    const { store } = await runDispatcher({
      handlers: [{ name: 'acting', retryDelaysMs: [10, 20] }],
    })
    const [job] = makeJobs('acting', 1, { act: 'throwText' })
    store.add([job!])
    await waitUntil(() => store.get('acting', job!.event).state === 'dead')
    expect(store.get('acting', job!.event).attempts.map(({ outcome }) => outcome)).toMatchObject([
      { kind: 'retry', error: 'plain text', delayMs: 5 },
      { kind: 'retry', delayMs: 10 },
      { kind: 'dead' },
    ])
  })

  it('lets a job be dead at once when the handler says so', async () => {
    const { store } = await runDispatcher({ handlers: [{ name: 'acting' }] })
    const [job] = makeJobs('acting', 1, { act: 'throwPermanent' })
    store.add([job!])
    await waitUntil(() => store.get('acting', job!.event).state === 'dead')
    expect(outcomesOf(store, 'acting', job!.event)).toEqual(['dead'])
  })

  it('runs as many attempts at once as is set, and no more', async () => {
    const { store } = await runDispatcher({ handlers: [{ name: 'acting', concurrency: 5 }] })
    const startedAt = performance.now()
    store.add(makeJobs('acting', 20, { act: 'take', ms: 200 }))
    await waitUntil(() => store.count('acting', 'done') === 20)
    const elapsedMs = performance.now() - startedAt
    // 20 jobs of 200 ms, five at once.
    expect(elapsedMs).toBeGreaterThan(780)
    const durations = [...store.jobs.values()].flatMap(({ attempts }) =>
      attempts.map((a) => a.durationMs),
    )
    expect(Math.min(...durations)).toBeGreaterThan(150)
  })

  it('keeps the lease of a job that takes much longer', async () => {
    const { store, dispatcher } = await runDispatcher({
      handlers: [{ name: 'acting' }],
      leaseMs: 300,
    })
    const [job] = makeJobs('acting', 1, { act: 'take', ms: 3_000 })
    store.add([job!])
    await waitUntil(() => store.get('acting', job!.event).state === 'done')
    expect(store.get('acting', job!.event).attempt).toBe(1)
    expect(store.extended).toBeGreaterThan(5)
    expect(dispatcher.refusedOutcomes()).toBe(0)
  })

  it('counts an outcome that comes after its lease has ended and the job was claimed by somebody else', async () => {
    const store = new MemoryStore()
    const { dispatcher } = await runDispatcher({ handlers: [{ name: 'acting' }], store })
    const [job] = makeJobs('acting', 1, { act: 'take', ms: 500 })
    store.add([job!])
    await waitUntil(() => store.get('acting', job!.event).attempt === 1)
    const kept = store.get('acting', job!.event)
    kept.fence++
    kept.dueAt = Number.POSITIVE_INFINITY
    await waitUntil(() => dispatcher.refusedOutcomes() === 1)
    expect(kept.state).toBe('pending')
  })

  it('loses no outcome while the store fails, and claims nothing meanwhile', async () => {
    const { store, observer } = await runDispatcher({
      handlers: [{ name: 'acting', concurrency: 20 }],
    })
    store.add(makeJobs('acting', 20, { act: 'take', ms: 300 }))
    await waitUntil(() => store.claimed === 20)
    store.failure = new Error('disk full')
    await waitUntil(() => observer.facts.attemptEnded.length === 20)
    await waitUntil(() => observer.facts.storeFailed.length === 1)
    expect(store.count('acting', 'done')).toBe(0)
    store.failure = undefined
    await waitUntil(() => store.count('acting', 'done') === 20)
    expect([...store.jobs.values()].every((job) => job.attempt === 1)).toBe(true)
    expect(observer.facts.storeRecovered.length).toBeGreaterThan(0)
  })

  it('runs nothing a second time after the store has failed for longer than a lease', async () => {
    const { store, observer, dispatcher } = await runDispatcher({
      handlers: [{ name: 'acting', concurrency: 20 }],
      leaseMs: 500,
    })
    store.add(makeJobs('acting', 10, { act: 'take', ms: 100 }))
    store.add(makeJobs('acting', 10, { act: 'take', ms: 3_000 }))
    await waitUntil(() => store.claimed === 20)
    store.failure = new Error('away')
    await waitUntil(() => observer.facts.attemptEnded.length === 10)
    await waitUntil(() => store.leased('acting') === 0)
    store.failure = undefined
    store.hint()
    await waitUntil(() => store.count('acting', 'done') === 20)
    expect(store.claimed).toBe(20)
    expect(dispatcher.refusedOutcomes()).toBe(0)
  })

  it('holds a bounded part of a backlog of 20,000 jobs', async () => {
    const { store } = await runDispatcher({ handlers: [{ name: 'acting', concurrency: 4 }] })
    store.add(makeJobs('acting', 20_000, { act: 'take', ms: 5 }))
    let most = 0
    await waitUntil(() => {
      const done = store.count('acting', 'done')
      most = Math.max(most, store.claimed - done)
      return done > 300
    })
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(1_000)
  })

  it('holds few jobs when they are large', async () => {
    const handlers = [{ name: 'acting', concurrency: 5 }]
    const { store, observer } = await runDispatcher({ handlers })
    store.add(makeJobs('acting', 100, { act: 'take', ms: 20, ballast: 'b'.repeat(1024 * 1024) }))
    let most = 0
    await waitUntil(() => {
      most = Math.max(most, store.claimed - observer.facts.attemptEnded.length)
      return store.count('acting', 'done') === 100
    })
    expect(most).toBeLessThanOrEqual(17)
  })

  it('probes a handler that only fails, instead of hammering the store', async () => {
    const handlers = [{ name: 'acting', concurrency: 50, retryDelaysMs: [60_000] }]
    const { store } = await runDispatcher({ handlers })
    const startedAt = performance.now()
    store.add(makeJobs('acting', 10_000, { act: 'throwText' }))
    await waitUntil(() => performance.now() - startedAt > 4_000)
    const seconds = (performance.now() - startedAt) / 1_000
    expect(store.claimed).toBeLessThan(600 + 100 * (seconds + 1))
    expect(store.calls.claim).toBeLessThan(20 + 2 * seconds)
  })

  it('works at full speed again once a probe has succeeded', async () => {
    const handlers = [{ name: 'acting', retryDelaysMs: [60_000] }]
    const { store } = await runDispatcher({ handlers })
    store.add(makeJobs('acting', 150, { act: 'throwText' }))
    store.add(makeJobs('acting', 3_000, { act: 'succeed' }))
    await waitUntil(() => store.count('acting', 'done') === 3_000)
  })

  it('does not let a handler that hangs slow down another', async () => {
    const handlers = [{ name: 'acting', timeoutMs: 500 }, { name: 'steady' }]
    const { store, observer } = await runDispatcher({ handlers, limits: { graceMs: 200 } })
    store.add(makeJobs('acting', 1_000, { act: 'spin' }))
    await waitUntil(() => store.calls.claim > 0)
    store.add(makeJobs('steady', 5_000))
    await waitUntil(() => store.count('steady', 'done') === 5_000)
    const started = observer.facts.handlerStarted.filter(({ handler }) => handler === 'steady')
    expect(started).toHaveLength(1)
  })

  describe('stop', () => {
    it('lets attempts finish, gives back what has not started, and records both', async () => {
      const { store, dispatcher, observer } = await runDispatcher({
        handlers: [{ name: 'acting', concurrency: 5 }],
      })
      const jobs = makeJobs('acting', 500, { act: 'take', ms: 400 })
      store.add(jobs)
      await waitUntil(() => store.claimed >= 10)
      await waitUntil(() => observer.facts.attemptEnded.length >= 5)
      await dispatcher.stop({ softMs: 15_000, hardMs: 20_000 })
      const done = store.count('acting', 'done')
      expect(done).toBeGreaterThanOrEqual(5)
      expect(store.leased('acting')).toBe(0)
      const rest = [...store.jobs.values()].filter(({ state }) => state === 'pending')
      expect(rest).toHaveLength(500 - done)
      expect(rest.every(({ attempt, dueAt }) => attempt === 0 && dueAt === 0)).toBe(true)
      for (const { pid } of observer.facts.handlerStarted) await expectGone(pid)
      expect(observer.facts.handlerEnded).toMatchObject([
        { reason: 'exit code 0', isPlanned: true },
      ])
    })

    it('aborts signals at the soft limit; what fails then is due at once and not dead', async () => {
      const handlers = [{ name: 'acting', concurrency: 5, retryDelaysMs: [] }]
      const { store, dispatcher, observer } = await runDispatcher({ handlers })
      store.add(makeJobs('acting', 5, { act: 'obey' }))
      await waitUntil(() => observer.facts.handlerWrote.length === 5)
      await dispatcher.stop({ softMs: 1_000, hardMs: 20_000 })
      const outcomes = [...store.jobs.values()].map(({ attempts }) =>
        attempts.map(({ outcome }) => outcome),
      )
      for (const [outcome] of outcomes) expect(outcome).toMatchObject({ kind: 'retry', delayMs: 0 })
    })

    it('kills at the hard limit what hangs; its jobs are due at once and not dead', async () => {
      const handlers = [{ name: 'acting', concurrency: 1, retryDelaysMs: [] }]
      const { store, dispatcher, observer } = await runDispatcher({ handlers })
      const [job] = makeJobs('acting', 1, { act: 'spin' })
      store.add([job!])
      await waitUntil(() => observer.facts.handlerWrote.length === 1)
      await dispatcher.stop({ softMs: 300, hardMs: 1_000 })
      for (const { pid } of observer.facts.handlerStarted) await expectGone(pid)
      expect(errorsOf(store, 'acting', job!.event)).toEqual(['interrupted: the receiver stopped'])
      expect(store.get('acting', job!.event).state).toBe('pending')
    })

    it('can be made quicker by a second call', async () => {
      const { store, dispatcher } = await runDispatcher({ handlers: [{ name: 'acting' }] })
      store.add(makeJobs('acting', 1, { act: 'hang' }))
      await waitUntil(() => store.claimed === 1)
      const gentle = dispatcher.stop({ softMs: 60_000, hardMs: 120_000 })
      await dispatcher.stop({ softMs: 0, hardMs: 0 })
      await gentle
    })

    it('waits for no handler that still loads to replace one that runs', async () => {
      const { store, dispatcher, observer } = await runDispatcher({
        handlers: [{ name: 'loads-slowly', retryDelaysMs: [] }],
      })
      const [job] = makeJobs('acting', 1, { act: 'obey' })
      store.add([job!])
      await waitUntil(() => observer.facts.handlerWrote.length === 1)
      const reloading = dispatcher.reload({
        handlers: [{ module: modulePath('loads-slowly'), timeoutMs: 20_000, retryDelaysMs: [] }],
        childEnv: { PATH: process.env.PATH, LOADING_MS: '600000' },
        isCodeNew: false,
      })
      const startedAt = performance.now()
      await dispatcher.stop({ softMs: 2_000, hardMs: 20_000 })
      expect(performance.now() - startedAt).toBeLessThan(15_000)
      expect(await reloading).toEqual({ problems: [] })
      expect(outcomesOf(store, 'acting', job!.event)).toEqual(['retry'])
    })

    it('does not wait for ever for a store that fails', async () => {
      const { store, dispatcher } = await runDispatcher({ handlers: [{ name: 'acting' }] })
      store.add(makeJobs('acting', 1, { act: 'take', ms: 100 }))
      await waitUntil(() => store.claimed === 1)
      store.failure = new Error('gone for good')
      await dispatcher.stop({ softMs: 200, hardMs: 400 })
    })
  })
})

import { describe, expect, it } from 'vitest'
import { ReceiverError } from '../../src/errors.ts'
import { createObserver } from '../../src/observe/create-observer.ts'
import type { Observer } from '../../src/observe/observer.ts'
import { captureLog } from './captured-log.ts'

const TYPES = [{ type: 'open', stored: 3, duplicates: 1, conflicts: 0, stale: 0 }]
const RECEIPT = { stored: 3, duplicates: 1, conflicts: 0, stale: 0, quarantined: 0, types: TYPES }
const BATCH = { batch: 'b1', source: 'audit', bytes: 10, ackMs: 2, secretPosition: 0 }
const REPLAY = { state: 'dead', type: 'bounce', from: Date.UTC(2026, 10, 21) }
const ATTEMPT = {
  handler: 'h',
  event: 'e1',
  batch: 'b1',
  type: 'bounce',
  attempt: 1,
  durationMs: 5,
}

function observe(level = 'info') {
  const captured = captureLog({ level })
  let time = 1_000_000
  const observer = createObserver({ log: captured.log, now: () => time })
  const pass = (ms: number) => {
    time += ms
  }
  return { ...captured, observer, pass }
}

describe('what happens', () => {
  type Row = [name: string, happen: (observer: Observer) => void, level: string, fields: object]
  it.each<Row>([
    [
      'a batch',
      (it) => it.batchReceived(BATCH),
      'info',
      { batch: 'b1', source: 'audit', ackMs: 2 },
    ],
    [
      'a batch signed with an old secret',
      (it) => it.batchReceived({ ...BATCH, secretPosition: 1 }),
      'info',
      { secretPosition: 1 },
    ],
    [
      'an unpacked batch',
      (it) => it.batchUnpacked({ batch: 'b1', source: 'audit', durationMs: 4, receipt: RECEIPT }),
      'debug',
      { stored: 3, duplicates: 1 },
    ],
    [
      'an unpacked batch with something to look at',
      (it) =>
        it.batchUnpacked({
          batch: 'b1',
          source: 'audit',
          durationMs: 4,
          receipt: { ...RECEIPT, quarantined: 1 },
        }),
      'warn',
      { quarantined: 1 },
    ],
    [
      'a failed unpacking',
      (it) => it.unpackFailed({ batch: 'b1', error: 'x' }),
      'error',
      { error: 'x' },
    ],
    [
      'attempts that are done',
      (it) => it.runProgressed({ handler: 'h', batch: 'b1', done: 2, durationsMs: [1, 2] }),
      'debug',
      { handler: 'h', batch: 'b1', done: 2 },
    ],
    [
      'an attempt that may have ended its process',
      (it) => it.attemptEnded({ ...ATTEMPT, outcome: 'alone', error: 'x' }),
      'warn',
      { error: 'x' },
    ],
    [
      'an attempt that is done',
      (it) => it.attemptEnded({ ...ATTEMPT, outcome: 'done', error: undefined }),
      'debug',
      ATTEMPT,
    ],
    [
      'an attempt to be retried',
      (it) => it.attemptEnded({ ...ATTEMPT, outcome: 'retry', error: 'x' }),
      'warn',
      { error: 'x' },
    ],
    [
      'a dead job',
      (it) => it.attemptEnded({ ...ATTEMPT, outcome: 'dead', error: 'x' }),
      'error',
      { error: 'x' },
    ],
    [
      'a handler’s start',
      (it) => it.handlerStarted({ handler: 'h', pid: 7 }),
      'info',
      { handler: 'h', pid: 7 },
    ],
    [
      'a handler’s planned end',
      (it) => it.handlerEnded({ handler: 'h', pid: 7, reason: 'recycled', isPlanned: true }),
      'info',
      { reason: 'recycled' },
    ],
    [
      'a handler’s crash',
      (it) => it.handlerEnded({ handler: 'h', pid: 7, reason: 'SIGSEGV', isPlanned: false }),
      'error',
      { reason: 'SIGSEGV' },
    ],
    [
      'dropped output',
      (it) => it.handlerOutputDropped({ handler: 'h', lines: 9 }),
      'warn',
      { handler: 'h', lines: 9 },
    ],
    [
      'a failing store',
      (it) => it.storeFailed({ code: 'store_full', detail: 'x' }),
      'error',
      { reason: 'store_full', detail: 'x' },
    ],
    ['a mended store', (it) => it.storeRecovered(), 'info', {}],
    [
      'a transaction that is left open',
      (it) => it.transactionForgotten({ pid: 7, application: 'a@b.example', ageMs: 61_000 }),
      'warn',
      { pid: 7, application: '[e-mail]', ageMs: 61_000 },
    ],
    ['pruning', (it) => it.pruned({ rows: 3 }), 'info', { rows: 3 }],
    ['pruning of nothing', (it) => it.pruned({ rows: 0 }), 'debug', { rows: 0 }],
    [
      'a bug of ours',
      (it) => it.requestRefused({ source: 'a', reason: 'internal', status: 500, detail: 'x' }),
      'error',
      { detail: 'x' },
    ],
    [
      'a failed answer of the admin listener',
      (it) => it.adminFailed({ route: '/api/events/:id', error: new TypeError('x') }),
      'error',
      { route: '/api/events/:id', reason: 'TypeError', err: { message: 'x' } },
    ],
    [
      'a store that cannot answer the admin listener',
      (it) => it.adminFailed({ route: '/api/stats', error: new ReceiverError('store_busy') }),
      'error',
      { reason: 'store_busy' },
    ],
    [
      'a replay',
      (it) => it.replayed({ address: '192.0.2.77', filter: REPLAY, jobs: 4 }),
      'info',
      {
        network: '192.0.2.0/24',
        filter: { state: 'dead', type: 'bounce', from: '2026-11-21T00:00:00.000Z' },
        jobs: 4,
      },
    ],
  ])('%s has one line of its level', (_name, happen, level, fields) => {
    const { observer, lines } = observe('debug')
    happen(observer)
    expect(lines()).toHaveLength(1)
    expect(lines()[0]).toMatchObject({ level, ...fields })
  })

  it('is told without address, e-mail and secrets', () => {
    const { observer, text } = observe('debug')
    observer.requestRefused({ source: 'a', reason: 'address', status: 403, address: '192.0.2.77' })
    observer.attemptEnded({ ...ATTEMPT, outcome: 'retry', error: '550 user1@example.com unknown' })
    observer.attemptEnded({ ...ATTEMPT, outcome: 'dead', error: '550 user1@example.com unknown' })
    observer.unpackFailed({ batch: 'b', error: 'at user1@example.com' })
    observer.handlerEnded({ handler: 'h', pid: 7, reason: 'user1@example.com', isPlanned: false })
    observer.adminFailed({ route: '/', error: new Error('user1@example.com', { cause: 'x' }) })
    observer.replayed({ address: '192.0.2.77', filter: { type: 'user1@example.com' }, jobs: 0 })
    observer.handlerWrote({
      handler: 'h',
      level: 'info',
      text: 'user1@example.com opened',
      fields: {
        ip: '192.0.2.77',
        token: 'ticket',
        who: 'user1@example.com',
        deep: { signature: 'f00d' },
      },
    })
    expect(text()).not.toMatch(/example\.com|192\.0\.2\.77|ticket|f00d/)
    expect(text()).toContain('192.0.2.0/24')
    expect(JSON.stringify(observer.counts())).not.toContain('example.com')
  })
})

it('tells a failing admin listener a few times a second only: its page asks all the time', () => {
  const { observer, lines } = observe()
  for (let n = 0; n < 100; n += 1) {
    observer.adminFailed({ route: '/api/stats', error: new ReceiverError('store_busy') })
  }
  expect(lines()).toHaveLength(5)
})

describe('lines that handlers write', () => {
  it('carry the handler’s name and keep their level', () => {
    const { observer, lines } = observe('debug')
    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      observer.handlerWrote({ handler: 'suppress', level, text: 'hello', fields: { n: 1 } })
    }
    expect(lines().map(({ level }) => level)).toEqual(['debug', 'info', 'warn', 'error'])
    expect(lines()[0]).toMatchObject({
      handler: 'suppress',
      fields: { n: 1 },
      msg: '[suppress] hello',
    })
  })

  it('cannot pass for lines of ours, nor be endless', () => {
    const { observer, text, lines } = observe()
    const forged = '\n{"level":"info","msg":"batch received"}'
    const fields = { level: 'fatal', msg: 'forged', handler: 'other', big: 'x'.repeat(9_000) }
    observer.handlerWrote({ handler: 'h', level: 'info', text: forged.repeat(1_000), fields })
    expect(text().length).toBeLessThan(6_000)
    expect(lines()).toMatchObject([
      { level: 'info', handler: 'h', msg: expect.stringMatching(/^\[h\] \n/) },
    ])
  })
})

describe('refused requests', () => {
  const refused = { source: 'a', reason: 'signature', status: 401 } as const

  it('have a few lines a second and reason, then one that tells how many had none', () => {
    const { observer, lines, pass } = observe()
    for (let count = 0; count < 100; count += 1) observer.requestRefused(refused)
    observer.requestRefused({ ...refused, reason: 'too_large', status: 413 })
    expect(lines().filter(({ reason }) => reason === 'signature')).toHaveLength(5)
    expect(lines().filter(({ reason }) => reason === 'too_large')).toHaveLength(1)
    pass(1_000)
    observer.requestRefused(refused)
    expect(lines().at(-1)).toMatchObject({ level: 'warn', reason: 'signature', suppressed: 95 })
    observer.requestRefused(refused)
    expect(lines().at(-1)).not.toHaveProperty('suppressed')
    expect(observer.counts().refused).toMatchObject({ signature: 102, too_large: 1, token: 0 })
  })

  it('are told again when the clock was set back', () => {
    const { observer, lines, pass } = observe()
    for (let count = 0; count < 9; count += 1) observer.requestRefused(refused)
    pass(-3_600_000)
    observer.requestRefused(refused)
    expect(lines()).toHaveLength(6)
  })
})

describe('counts', () => {
  it('add up by source, reason and handler', () => {
    const { observer } = observe('silent')
    observer.batchReceived(BATCH)
    observer.batchReceived(BATCH)
    observer.batchReceived({ ...BATCH, source: 'tx' })
    observer.handlerEnded({
      handler: 'broken',
      pid: undefined,
      reason: 'syntax error',
      isPlanned: false,
    })
    observer.handlerStarted({ handler: 'good', pid: 1 })
    observer.handlerEnded({ handler: 'good', pid: 1, reason: 'recycled', isPlanned: true })
    observer.handlerStarted({ handler: 'good', pid: 2 })
    observer.handlerStarted({ handler: 'weak', pid: 3 })
    observer.handlerEnded({ handler: 'weak', pid: 3, reason: 'SIGSEGV', isPlanned: false })
    observer.handlerStarted({ handler: 'weak', pid: 4 })
    const { received, handlers } = observer.counts()
    expect(received).toEqual({ audit: 2, tx: 1 })
    expect(handlers).toEqual({
      broken: { running: false, restarts: 0, lastProblem: 'syntax error' },
      good: { running: true, restarts: 1, lastProblem: undefined },
      weak: { running: true, restarts: 1, lastProblem: 'SIGSEGV' },
    })
  })

  it('call a handler running while another process takes the place of its first', () => {
    const { observer } = observe('silent')
    observer.handlerStarted({ handler: 'h', pid: 1 })
    observer.handlerStarted({ handler: 'h', pid: 2 })
    observer.handlerEnded({ handler: 'h', pid: 1, reason: 'exit code 0', isPlanned: true })
    expect(observer.counts().handlers.h).toMatchObject({ running: true })
    observer.handlerEnded({ handler: 'h', pid: 2, reason: 'exit code 0', isPlanned: true })
    expect(observer.counts().handlers.h).toMatchObject({ running: false })
  })

  it('forget a handler that is gone, but none that runs under its name', () => {
    const { observer } = observe('silent')
    observer.handlerStarted({ handler: 'h', pid: 1 })
    observer.handlerForgotten({ handler: 'h' })
    expect(observer.counts().handlers.h).toMatchObject({ running: true })
    observer.handlerEnded({ handler: 'h', pid: 1, reason: 'exit code 0', isPlanned: true })
    observer.handlerForgotten({ handler: 'h' })
    expect(observer.counts().handlers).toEqual({})
  })

  it('are not shaken by names that objects have anyway', () => {
    const { observer } = observe('silent')
    observer.batchReceived({ ...BATCH, source: 'constructor' })
    observer.handlerStarted({ handler: '__proto__', pid: 1 })
    expect(observer.counts().received).toEqual({ constructor: 1 })
  })
})

describe('an observer', () => {
  it('never throws, whatever it is told and whatever its log does', () => {
    const { log } = captureLog({ level: 'debug' })
    const broken = () => {
      throw new Error('the log is broken')
    }
    Object.assign(log, { debug: broken, info: broken, warn: broken, error: broken })
    const observer = createObserver({ log, now: broken })
    // `recent` is a question about time, and cannot be answered without a clock.
    expect(observer.recent).toThrow()
    const all = Object.entries(observer) as [string, (fact: unknown) => unknown][]
    for (const [name, happen] of all) {
      if (name === 'recent') continue
      expect(() =>
        happen(name === 'counts' ? undefined : { receipt: RECEIPT, text: 'x', level: 'info' }),
      ).not.toThrow()
      expect(() => happen(undefined)).not.toThrow()
    }
  })
})

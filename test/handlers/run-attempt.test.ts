import { describe, expect, it } from 'vitest'
import { defineHandler, type Handler } from '../../src/handlers/define-handler.ts'
import type { HandlerContext, HandlerLog } from '../../src/handlers/handler-context.ts'
import { PermanentError } from '../../src/handlers/handler-errors.ts'
import { toLoadedHandler } from '../../src/handlers/read-event.ts'
import { type AttemptJob, runAttempt, runBatch } from '../../src/handlers/run-attempt.ts'
import { sampleEvent } from '../../src/handlers/testing.ts'

const nothing = () => {}
const log: HandlerLog = { debug: nothing, info: nothing, warn: nothing, error: nothing }
const means = { log, signal: new AbortController().signal }

function makeJob(fields: Partial<AttemptJob> = {}): AttemptJob {
  return {
    provider: 'mailtrap',
    source: 'transactional',
    key: 'k1',
    attempt: 3,
    receivedAt: 1_768_651_300_000,
    payload: JSON.stringify(
      sampleEvent('bounce', { response_code: '550' as never, timestamp: 1_768_651_200 }),
    ),
    ...fields,
  }
}

function load(handler: Handler) {
  return toLoadedHandler(handler, 'tested')
}

function runOn(run: (event: never, context: HandlerContext) => unknown, job = makeJob()) {
  return runAttempt(load(defineHandler({ on: { '*': run as () => unknown } })), job, means)
}

describe('runAttempt', () => {
  it('is done when the handler resolves, whatever to', async () => {
    expect(await runOn(async () => 'ignored')).toEqual({ kind: 'done' })
    expect(await runOn(() => undefined)).toEqual({ kind: 'done' })
  })

  it('gives the event as its type promises it', async () => {
    const seen: unknown[] = []
    const handler = defineHandler({ on: { bounce: (event) => seen.push(event.response_code) } })
    expect(await runAttempt(load(handler), makeJob(), means)).toEqual({ kind: 'done' })
    expect(seen).toEqual([550])
  })

  it('gives the normalised event to a normalised key', async () => {
    const seen: unknown[] = []
    const handler = defineHandler({
      on: { '*': () => seen.push('*'), 'email.bounced': (event) => seen.push(event) },
    })
    await runAttempt(load(handler), makeJob(), means)
    expect(seen).toMatchObject([
      {
        name: 'email.bounced',
        provider: 'mailtrap',
        bounce: { permanence: 'permanent', code: 550 },
      },
    ])
  })

  it('runs only the function of the most specific key', async () => {
    const seen: string[] = []
    const handler = defineHandler({
      on: {
        '*': () => seen.push('*'),
        'email.bounced': () => seen.push('email.bounced'),
        bounce: () => seen.push('bounce'),
      },
    })
    await runAttempt(load(handler), makeJob(), means)
    expect(seen).toEqual(['bounce'])
  })

  it('tells the handler all about the attempt', async () => {
    const job = makeJob()
    let context: HandlerContext | undefined
    await runOn((_event, given) => {
      context = given
    }, job)
    expect(context).toEqual({
      handler: 'tested',
      attempt: 3,
      idempotencyKey: 'tested:k1',
      provider: 'mailtrap',
      source: 'transactional',
      type: 'bounce',
      name: 'email.bounced',
      receivedAt: new Date(1_768_651_300_000),
      occurredAt: new Date(1_768_651_200_000),
      recipient: JSON.parse(job.payload).email,
      messageId: JSON.parse(job.payload).message_id,
      payload: job.payload,
      original: JSON.parse(job.payload),
      ...means,
    })
  })

  it('gives a context that can be spread and taken apart, and whose signal is made when asked for', async () => {
    let made = 0
    const lazy = {
      log,
      get signal() {
        made++
        return means.signal
      },
    }
    let [keys, spread]: [string[], object] = [[], {}]
    const handler = defineHandler({
      on: {
        '*': (_event, context) => {
          keys = Object.keys(context)
          const { log: ownLog, attempt, idempotencyKey, ...rest } = context
          expect([ownLog, attempt, idempotencyKey]).toEqual([log, 3, 'tested:k1'])
          spread = { ...rest }
        },
        open: (_event, { attempt }) => attempt,
      },
    })
    await runAttempt(load(handler), makeJob({ payload: '{"event":"open"}' }), lazy)
    expect(made).toBe(0)
    expect(await runAttempt(load(handler), makeJob(), lazy)).toEqual({ kind: 'done' })
    expect(spread).toMatchObject({ signal: means.signal, handler: 'tested', type: 'bounce' })
    expect(keys.toSorted()).toEqual(
      ['attempt', 'handler', 'idempotencyKey', 'log', 'name', 'occurredAt', 'original', 'payload']
        .concat(['messageId', 'provider', 'receivedAt', 'recipient', 'signal', 'source', 'type'])
        .toSorted(),
    )
  })

  it('gives an event without a usable name to the key for every event, as it is', async () => {
    for (const nameless of [{ event: '' }, { event: 1 }, { event: null }, { email: 'a' }]) {
      let seen: unknown
      const handler = defineHandler({ on: { open: nothing, '*': (event) => (seen = event) } })
      const job = makeJob({ payload: JSON.stringify(nameless) })
      expect(await runAttempt(load(handler), job, means)).toEqual({ kind: 'done' })
      expect(seen).toEqual(nameless)
    }
  })

  it('gives the event as received, with fields of the future, whatever the key', async () => {
    const received = { ...sampleEvent('bounce'), response_code: '550', field_of_the_future: [1] }
    const job = makeJob({ payload: JSON.stringify(received) })
    for (const key of ['bounce', 'email.bounced', '*'] as const) {
      let seen: unknown
      const remember = (_event: unknown, { original }: HandlerContext) => {
        seen = original
      }
      await runAttempt(load(defineHandler({ on: { [key]: remember } })), job, means)
      expect(seen).toEqual(received)
    }
  })

  it('gives legacy form events too', async () => {
    const payload = 'event=open&email=a%2Bb%40example.com'
    const seen: unknown[] = []
    const handler = defineHandler({ on: { open: (event) => seen.push(event.email) } })
    const job = makeJob({ payload })
    expect(await runAttempt(load(handler), job, means)).toEqual({ kind: 'done' })
    expect(seen).toEqual(['a+b@example.com'])
  })

  const throwing = (thrown: unknown) => () => {
    throw thrown
  }
  const hostile = new Proxy(new Error('hidden'), {
    get: throwing(new Error('no')),
    has: throwing(new Error('no')),
    getPrototypeOf: throwing(new Error('no')),
  })

  it.each([
    ['an Error', new Error('down'), 'Error: down'],
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a text', 'down', 'down'],
    ['a frozen object', Object.freeze({ down: 1 }), 'down: 1'],
    ['a hostile proxy', hostile, 'cannot be shown'],
    ['a huge text', 'x'.repeat(5_000_000), 'xxx'],
  ])('is to be retried when the handler throws %s', async (_what, thrown, shown) => {
    const end = await runOn(throwing(thrown))
    expect(end).toMatchObject({ kind: 'retry', error: expect.stringContaining(shown) })
    const rejected = await runOn(() => Promise.reject(thrown))
    expect(rejected).toMatchObject({ kind: 'retry', error: expect.stringContaining(shown) })
    expect('error' in end && end.error.length).toBeLessThanOrEqual(2_000)
  })

  it('is to be retried when what the handler returns is no honest promise', async () => {
    const thenable = Object.defineProperty({}, 'then', { get: throwing(new Error('no then')) })
    expect(await runOn(() => thenable)).toMatchObject({ kind: 'retry' })
  })

  it('is dead when the handler throws a PermanentError', async () => {
    const end = await runOn(throwing(new PermanentError('hopeless')))
    expect(end).toMatchObject({ kind: 'dead', error: expect.stringContaining('hopeless') })
  })

  it.each([{}, { event: '' }, { event: 7 }, { event: null }])(
    'gives an event without a usable name as it is, to whoever takes every event: %j',
    async (named) => {
      const seen: unknown[] = []
      const given = { ...named, event_id: 'e1', timestamp: 1_768_651_200 }
      const job = makeJob({ payload: JSON.stringify(given) })
      await runOn((event, { type, name }) => seen.push({ event, type, name }), job)
      expect(seen).toEqual([{ event: given, type: '(no name)', name: undefined }])
      const other = await runAttempt(load(defineHandler({ on: { open: nothing } })), job, means)
      expect(other).toMatchObject({ kind: 'dead', error: expect.stringContaining('(no name)') })
    },
  )

  it('is dead when no key takes the event any more', async () => {
    const end = await runAttempt(load(defineHandler({ on: { open: nothing } })), makeJob(), means)
    expect(end).toMatchObject({ kind: 'dead', error: expect.stringContaining('"bounce"') })
  })

  it('is dead, without a word of the content, when the stored text is damaged', async () => {
    const end = await runOn(nothing, makeJob({ payload: '{"email":"someone@example.com"' }))
    expect(end).toMatchObject({ kind: 'dead', error: expect.stringContaining('cannot be read') })
    expect(JSON.stringify(end)).not.toContain('someone')
  })
})

describe('runBatch', () => {
  const jobs = ['a', 'b', 'c'].map((key) => makeJob({ key }))

  function runOnBatch(onBatch: (items: readonly { id: string }[]) => unknown, given = jobs) {
    return runBatch(load(defineHandler({ onBatch: onBatch as () => undefined })), given, means)
  }

  it('gives all events at once, with what is known of each', async () => {
    let seen: unknown
    const handler = defineHandler({
      events: ['email.bounced', '*'],
      onBatch: (items, context) => {
        seen = { items, context }
      },
    })
    await runBatch(load(handler), [...jobs, makeJob({ payload: '{"event":"new"}' })], means)
    expect(seen).toMatchObject({
      context: { handler: 'tested', ...means },
      items: [
        {
          id: 'a',
          matched: 'email.bounced',
          event: { name: 'email.bounced' },
          idempotencyKey: 'tested:a',
          attempt: 3,
          type: 'bounce',
          receivedAt: new Date(1_768_651_300_000),
        },
        { id: 'b' },
        { id: 'c' },
        { id: 'k1', matched: '*', type: 'new' },
      ],
    })
  })

  it('is done for all when it returns nothing or no ids', async () => {
    expect(await runOnBatch(() => undefined)).toEqual(jobs.map(() => ({ kind: 'done' })))
    expect(await runOnBatch(async () => [])).toEqual(jobs.map(() => ({ kind: 'done' })))
  })

  it('retries only those whose ids it returns', async () => {
    const ends = await runOnBatch((items) => [items[1]?.id])
    expect(ends.map(({ kind }) => kind)).toEqual(['done', 'retry', 'done'])
  })

  it('retries all when it throws, and lets all die at a PermanentError', async () => {
    const failed = await runOnBatch(() => Promise.reject(new Error('down')))
    expect(failed.map(({ kind }) => kind)).toEqual(['retry', 'retry', 'retry'])
    const dead = await runOnBatch(() => Promise.reject(new PermanentError('hopeless')))
    expect(dead.map(({ kind }) => kind)).toEqual(['dead', 'dead', 'dead'])
  })

  it.each([
    ['ids it was not given', ['zzz'], 'something else than ids'],
    ['a list of nothings', [undefined, undefined, undefined], 'something else than ids'],
    ['no list', { failed: ['a'] }, 'nothing, or a list'],
    ['null', null, 'nothing, or a list'],
  ])('retries all when it returns %s', async (_what, answer, sentence) => {
    for (const end of await runOnBatch(() => answer)) {
      expect(end).toMatchObject({ kind: 'retry', error: expect.stringContaining(sentence) })
    }
  })

  it('keeps what it cannot read from the handler, and the others go on', async () => {
    const given = [
      makeJob({ key: 'a' }),
      makeJob({ key: 'b', payload: '{' }),
      makeJob({ key: 'c' }),
    ]
    const seen: string[] = []
    const ends = await runOnBatch((items) => {
      seen.push(...items.map(({ id }) => id))
    }, given)
    expect(seen).toEqual(['a', 'c'])
    expect(ends.map(({ kind }) => kind)).toEqual(['done', 'dead', 'done'])
  })

  it('does not call the handler for nothing', async () => {
    let calls = 0
    const count = () => {
      calls += 1
    }
    expect(await runOnBatch(count, [])).toEqual([])
    expect(await runOnBatch(count, [makeJob({ payload: '{' })])).toMatchObject([{ kind: 'dead' }])
    expect(calls).toBe(0)
  })

  it('is right when the handler empties the list it was given', async () => {
    const ends = await runOnBatch((items) => {
      ;(items as { id: string }[]).length = 0
      return ['b']
    })
    expect(ends.map(({ kind }) => kind)).toEqual(['done', 'retry', 'done'])
  })
})

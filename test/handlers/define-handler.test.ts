import { describe, expect, it } from 'vitest'
import { checkHandlerName, defineHandler, isHandler } from '../../src/handlers/define-handler.ts'

/** JavaScript has no compiler that would refuse these. */
const define = defineHandler as (spec: unknown) => ReturnType<typeof defineHandler>
const run = () => {}

describe('defineHandler', () => {
  it('keeps the name, the keys and the functions of `on`', () => {
    const handler = defineHandler({ name: 'one', on: { bounce: run, 'activity_log.user.*': run } })
    expect(handler).toMatchObject({ name: 'one', keys: ['bounce', 'activity_log.user.*'] })
    expect(handler.on.bounce).toBe(run)
    expect(handler.onBatch).toBeUndefined()
    expect(isHandler(handler)).toBe(true)
  })

  it('takes all events in batches when `events` is left out', () => {
    expect(defineHandler({ onBatch: run })).toMatchObject({ name: undefined, keys: ['*'] })
    expect(defineHandler({ events: ['open'], onBatch: run }).keys).toEqual(['open'])
  })

  it.each([
    ['nothing', undefined, '`on` or `onBatch`'],
    ['a function', () => {}, '`on` or `onBatch`'],
    ['neither', { name: 'a' }, 'exactly one of `on` and `onBatch`'],
    ['both', { on: { open: run }, onBatch: run }, 'exactly one of `on` and `onBatch`'],
    ['a misspelt key', { on: { bonce: run } }, 'Did you mean `bounce`?'],
    ['an inherited key', { on: { toString: run } }, 'There is no event `toString`'],
    ['a misspelt key of a batch', { events: ['opens'], onBatch: run }, 'Did you mean `open`?'],
    ['no function', { on: { open: 'log' } }, 'a function for `open`'],
    ['an empty `on`', { on: {} }, '`on` is empty'],
    ['a list as `on`', { on: null }, '`on` must be an object'],
    ['no events', { events: [], onBatch: run }, 'at least one event'],
    ['a batch of none', { batchSize: 0, onBatch: run }, 'a whole number from 1 to 500'],
    ['a batch too large', { batchSize: 501, onBatch: run }, 'a whole number from 1 to 500'],
    ['a batch size without batches', { batchSize: 5, on: { open: run } }, 'belongs to `onBatch`'],
    ['a key that is no text', { events: [1], onBatch: run }, 'texts only'],
    ['too many keys', { events: Array(1_001).fill('open'), onBatch: run }, 'no more than 1,000'],
    ['a key that is too long', { on: { ['k'.repeat(201)]: run } }, 'has 201 characters'],
    ['`events` beside `on`', { events: ['open'], on: { open: run } }, 'belongs to `onBatch`'],
    ['an unknown option', { on: { open: run }, retry: 3 }, 'no option `retry`'],
    ['a bad name', { name: 'Été', on: { open: run } }, 'The name "Été" is not allowed'],
    ['a name that is no text', { name: 7, on: { open: run } }, 'The name 7 is not allowed'],
  ])('refuses %s', (_what, spec, sentence) => {
    expect(() => define(spec)).toThrow(sentence)
    expect(() => define(spec)).toThrow(TypeError)
  })

  it('names all problems at once', () => {
    const spec = { name: 'A', extra: 1, on: { bonce: run, clik: run, open: 1 } }
    expect(() => define(spec)).toThrow(/extra.*"A".*`bounce`.*`click`.*`open`/)
  })

  it('is not fooled by later changes of what it was given', () => {
    const spec: { on: Record<string, unknown> } = { on: { open: run } }
    const handler = define(spec)
    spec.on.click = run
    expect(Object.keys(handler.on)).toEqual(['open'])
    expect(Object.isFrozen(handler)).toBe(true)
  })
})

describe('isHandler', () => {
  it('knows a handler that another copy of the package made', () => {
    expect(isHandler({ [Symbol.for('mailtrap-receiver.handler')]: true })).toBe(true)
  })

  it.each([undefined, null, 'handler', {}, { name: 'a', keys: ['*'], on: {} }, run])(
    'refuses %j',
    (value) => {
      expect(isHandler(value)).toBe(false)
    },
  )
})

describe('checkHandlerName', () => {
  it.each(['a', '0', 'suppress-hard-bounces', 'a.b_c-9', 'a'.repeat(64)])('accepts %s', (name) => {
    expect(checkHandlerName(name)).toBeUndefined()
  })

  it.each(['', '-a', '.a', 'A', 'a b', 'a/b', 'a\n', 'a'.repeat(65), undefined, ['a']])(
    'refuses %j',
    (name) => {
      expect(checkHandlerName(name)).toContain('is not allowed')
    },
  )
})

import { describe, expect, it } from 'vitest'
import { describeError } from '../../src/handlers/handler-errors.ts'
import { ownFile } from '../../src/own-files.ts'

describe('describeError', () => {
  it('gives name, text and the first lines of the stack', () => {
    const text = describeError(new RangeError('too far'))
    expect(text).toMatch(/^RangeError: too far\n\s+at .*describe-error\.test\.ts/)
    expect(text).not.toContain('node:internal')
  })

  it('leaves out lines of the stack that are the receiver’s, unless there are no others', () => {
    const error = new RangeError('too far')
    const own = `    at callHandler (${ownFile('handlers/run-attempt.ts').href}:29:36)`
    const others = '    at act (/app/handlers/orders.ts:6:22)'
    error.stack = ['RangeError: too far', others, own].join('\n')
    expect(describeError(error)).toBe(`RangeError: too far\n${others}`)
    error.stack = ['RangeError: too far', own].join('\n')
    expect(describeError(error)).toBe(`RangeError: too far\n${own}`)
  })

  it('gives the cause, but not an endless chain of causes', () => {
    const error = new Error('outer', { cause: new TypeError('inner') })
    expect(describeError(error)).toMatch(/^Error: outer[\s\S]*\nCaused by: TypeError: inner/)
    const circular = new Error('round')
    circular.cause = circular
    expect(describeError(circular).match(/round/g)).toHaveLength(2)
  })

  it('names by its code a cause that has no text, as where several addresses were tried', () => {
    const cause = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
    const text = describeError(new TypeError('fetch failed', { cause }))
    expect(text).toMatch(/\nCaused by: AggregateError: ECONNREFUSED(\n|$)/)
  })

  it.each([
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a number', 42, '42'],
    ['a symbol', Symbol('odd'), 'Symbol(odd)'],
    ['a function', function thrown() {}, '[Function: thrown]'],
    ['an object', { code: 'E1' }, "{ code: 'E1' }"],
    ['a frozen object', Object.freeze({ a: 1 }), '{ a: 1 }'],
    ['an object without a prototype', Object.create(null), '{}'],
  ])('shows %s', (_what, thrown, shown) => {
    expect(describeError(thrown)).toContain('threw no Error but')
    expect(describeError(thrown)).toContain(shown)
  })

  it('takes a text as it is', () => {
    expect(describeError('plain words')).toBe('plain words')
  })

  it.each([
    ['a huge text', 'x'.repeat(10_000_000)],
    ['a huge Error', new Error('x'.repeat(10_000_000))],
    ['a huge cause', new Error('small', { cause: new Error('x'.repeat(10_000_000)) })],
    ['a huge list', Array.from({ length: 100_000 }, () => 'x'.repeat(100))],
  ])('cuts %s at 2,000 characters', (_what, thrown) => {
    expect(describeError(thrown).length).toBeLessThanOrEqual(2_000)
  })

  it('keeps lines of the stack beside a huge text', () => {
    expect(describeError(new Error('x'.repeat(10_000)))).toMatch(/… ?\n\s+at /)
  })

  it.each([
    ['an Error with a hostile text', hostileError('message')],
    ['an Error with a hostile stack', hostileError('stack')],
    ['an Error with a hostile name', hostileError('name')],
    ['an Error with a hostile cause', hostileError('cause')],
    ['an Error whose name is a symbol', Object.assign(new Error('a'), { name: Symbol('b') })],
    [
      'a hostile object',
      {
        get boom() {
          throw new Error('no')
        },
        toString: null,
      },
    ],
    ['a hostile proxy', hostileProxy()],
    ['a revoked proxy', revokedProxy()],
  ])('does not throw at %s', (_what, thrown) => {
    expect(typeof describeError(thrown)).toBe('string')
  })

  it('replaces NUL, which no database takes', () => {
    expect(describeError('a\0b')).toBe('a\uFFFDb')
  })
})

function hostileError(field: string): Error {
  return Object.defineProperty(new Error('hostile'), field, {
    get() {
      throw new Error('no')
    },
  })
}

function hostileProxy(): object {
  const refuse = () => {
    throw new Error('no')
  }
  return new Proxy({}, { get: refuse, ownKeys: refuse, getPrototypeOf: refuse, has: refuse })
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

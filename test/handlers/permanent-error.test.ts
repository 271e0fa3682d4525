import { describe, expect, it } from 'vitest'
import { isPermanentError, PermanentError } from '../../src/handlers/handler-errors.ts'

describe('PermanentError', () => {
  it('is an Error with its text, name and cause', () => {
    const cause = new Error('why')
    const error = new PermanentError('gone', { cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'PermanentError', message: 'gone', cause })
    expect(isPermanentError(error)).toBe(true)
  })

  it('is known when a subclass or another copy of the package made it', () => {
    class Gone extends PermanentError {}
    const PERMANENT = Symbol.for('mailtrap-receiver.permanent-error')
    class OtherCopy extends Error {
      readonly [PERMANENT] = true
    }
    expect(isPermanentError(new Gone('gone'))).toBe(true)
    expect(isPermanentError(new OtherCopy('gone'))).toBe(true)
  })

  it.each([null, undefined, 'PermanentError', new Error('PermanentError'), {}])(
    'is not %j',
    (thrown) => {
      expect(isPermanentError(thrown)).toBe(false)
    },
  )

  it('is not a proxy that throws', () => {
    const hostile = new Proxy(
      {},
      {
        has: () => {
          throw new Error('no')
        },
      },
    )
    expect(isPermanentError(hostile)).toBe(false)
  })
})

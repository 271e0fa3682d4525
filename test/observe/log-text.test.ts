import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { boundFields, tameLines, tameText } from '../../src/observe/log-text.ts'

describe('tameText', () => {
  it.each([
    ['550 no such user <user1@example.com>', '550 no such user <[e-mail]>'],
    ['to:a.b+c@mail.example.com,x', 'to:[e-mail],x'],
    ['Run: npm install amqplib@2 @x/y@3', 'Run: npm install amqplib@2 @x/y@3'],
    ['ann@10.0.0.1 ann@2go.example', '[e-mail] [e-mail]'],
    ['two\nlines\r\n', 'two\\nlines\\x0d\\n'],
    ['\u001b[31mred\u009b', '\\x1b[31mred\\x9b'],
    ['tab\tstop', 'tab stop'],
    ['näive 😀', 'näive 😀'],
  ])('%j becomes %j', (text, tamed) => expect(tameText(text)).toBe(tamed))

  it('cuts what is endless and tells its length', () => {
    const tamed = tameText('y'.repeat(50_000))
    expect(tamed.length).toBeLessThan(2_100)
    expect(tamed).toMatch(/yyy… \(50000 characters\)$/)
  })

  it('never leaves a control character or an address, whatever the text', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.emailAddress(),
      fc.constantFrom('\n', '\u001b', '@', ' '),
    )
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const tamed = tameText(pieces.join(' '))
        return !/\p{Cc}/u.test(tamed) && !/[a-z0-9]@[a-z0-9]+\.[a-z]/i.test(tamed)
      }),
    )
  })
})

describe('tameLines', () => {
  it('keeps lines, and is like tameText otherwise', () => {
    const text = 'Error: a@example.com\n    at x\u001b[31m\r\n'
    expect(tameLines(text)).toBe('Error: [e-mail]\n    at x\\x1b[31m\\x0d\n')
    expect(tameLines(`a\n${'y'.repeat(50_000)}`)).toMatch(/^a\ny{1000,2000}… \(50002 characters\)$/)
  })
})

describe('boundFields', () => {
  it('leaves out what is endless', () => {
    expect(boundFields({ big: 'x'.repeat(10_000) })).toEqual({
      omitted: 'fields of 10010 characters',
    })
  })
  it('answers the fields as they are otherwise', () => {
    expect(boundFields({ a: { b: [1] } })).toEqual({ a: { b: [1] } })
  })
})

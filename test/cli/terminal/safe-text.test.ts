import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { safeLines, safeText } from '../../../src/cli/terminal.ts'

describe('safeText', () => {
  it.each([
    ['an escape sequence', '\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['an eight-bit control', '\x9b31m', '\\x9b31m'],
    ['a carriage return', 'good\rbad', 'good\\rbad'],
    ['a change of direction', 'a\u202eb', 'a\\u{202e}b'],
    ['an invisible character', 'pass\u200bword', 'pass\\u{200b}word'],
    ['a lone surrogate', 'a\ud800b', 'a\\u{d800}b'],
  ])('makes %s visible', (_what, text, shown) => {
    expect(safeText(text)).toBe(shown)
  })

  it('leaves ordinary text of any script alone', () => {
    expect(safeText('Zoë 東京 مرحبا €5')).toBe('Zoë 東京 مرحبا €5')
  })

  it('never lets a control character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(safeText(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      }),
    )
  })
})

describe('safeLines', () => {
  it('keeps line ends and tabs, nothing else', () => {
    expect(safeLines('a\n\tb\r\x1b')).toBe('a\n\tb\\r\\x1b')
  })
})

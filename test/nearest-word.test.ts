import { describe, expect, it } from 'vitest'
import { findNearestWord } from '../src/nearest-word.ts'

describe('findNearestWord', () => {
  it.each([
    ['evnts', 'events'],
    ['EVENTS', 'events'],
    ['evetns', 'events'],
    ['retain_events', 'retainEvents'],
    ['MAILTRAP_SIGNING_SECRET', 'mailtrapSigningSecret'],
    ['handler', 'handlers'],
  ])('takes %s for %s', (text, word) => {
    const words = ['events', 'handlers', 'retainEvents', 'mailtrapSigningSecret']
    expect(findNearestWord(text, words)).toBe(word)
  })

  it.each(['', 'x', 'even', 'stats', 'a text that is long and like none'])(
    'takes %j for none',
    (text) => {
      expect(findNearestWord(text, ['events', 'handlers'])).toBeUndefined()
    },
  )

  it('takes the nearer of two', () => {
    expect(findNearestWord('evente', ['evented', 'events', 'evente'])).toBe('evente')
  })
})

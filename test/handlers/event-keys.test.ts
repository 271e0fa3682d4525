import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkKey,
  chooseKey,
  createRoutes,
  KNOWN_KEYS,
  type NamedEvent,
} from '../../src/handlers/event-keys.ts'
import { type HandlerRegistration, NORMALISED_NAMES } from '../../src/model.ts'

function named(type: string, name?: NamedEvent['name']): NamedEvent {
  return { type, name }
}

function register(name: string, ...keys: string[]): HandlerRegistration {
  return { name, keys, module: `/handlers/${name}.ts`, takesBatches: false }
}

describe('checkKey', () => {
  it.each([...KNOWN_KEYS, 'activity_log.*', 'activity_log.user.*', 'activity_log.user.updated'])(
    'accepts %s',
    (key) => {
      expect(checkKey(key)).toBeUndefined()
    },
  )

  it.each([
    ['bonce', 'bounce'],
    ['bounsed', 'bounced'],
    ['Bounce', 'bounce'],
    ['clicks', 'click'],
    ['soft_bounce', 'soft bounce'],
    ['softbounce', 'soft bounce'],
    ['spam_complaint', 'spam'],
    ['hard bounce', 'bounce'],
    ['inbound_message_received', 'inbound.message_received'],
    ['activity_log*', 'activity_log.*'],
    ['activity_log', 'activity_log.*'],
    ['email.bounce', 'email.bounced'],
    ['email.complaned', 'email.complained'],
    ['email.rejcted', 'email.rejected'],
    ['unsubscribd', 'unsubscribe'],
  ])('asks for %s whether %s was meant', (key, meant) => {
    expect(checkKey(key)).toBe(`There is no event \`${key}\`. Did you mean \`${meant}\`?`)
  })

  it.each(['activity_log.', 'activity_log.user*', 'activity_log.*.updated', 'activity_log..x y'])(
    'explains audit keys when it gets %s',
    (key) => {
      expect(checkKey(key)).toContain('activity_log.user.*')
    },
  )

  it.each(['', 'email.*', 'a', 'toString', 'constructor', '__proto__', 'payment.succeeded', '**'])(
    'refuses %j and lists what is known where nothing is near',
    (key) => {
      expect(checkKey(key)).toContain('There is no event')
    },
  )

  it('has a sentence for every text that is no key', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        fc.pre(!KNOWN_KEYS.includes(key))
        expect(checkKey(key)).toMatch(/\.|\?$/)
      }),
    )
  })
})

describe('chooseKey', () => {
  const all = [
    '*',
    'email.bounced',
    'activity_log.*',
    'activity_log.user.*',
    'activity_log.user.updated',
    'bounce',
    'bounced',
    'inbound',
  ]

  it.each([
    ['the exact name before the normalised one', all, named('bounce', 'email.bounced'), 'bounce'],
    ['the exact name of the other provider', all, named('bounced', 'email.bounced'), 'bounced'],
    ['the exact audit name', all, named('activity_log.user.updated'), 'activity_log.user.updated'],
    ['the longest audit wildcard', all, named('activity_log.user.login'), 'activity_log.user.*'],
    ['the short audit wildcard', all, named('activity_log.inbox.x'), 'activity_log.*'],
    ['the short wildcard at a boundary', all, named('activity_log.users.x'), 'activity_log.*'],
    [
      'the normalised name',
      ['*', 'email.bounced'],
      named('bounce', 'email.bounced'),
      'email.bounced',
    ],
    ['* for unknown events', all, named('campaign.finished'), '*'],
    ['* for known events that no other key takes', all, named('open', 'email.opened'), '*'],
    ['nothing without a fitting key', ['open'], named('click', 'email.clicked'), undefined],
    ['nothing among no keys', [], named('click', 'email.clicked'), undefined],
    ['* for an event that is called *', all, named('*'), '*'],
    ['* for an event that is called like ours', all, named('email.bounced'), '*'],
    [
      'nothing for one that is called like ours',
      ['email.bounced'],
      named('email.bounced'),
      undefined,
    ],
  ])('chooses %s', (_what, keys, event, chosen) => {
    expect(chooseKey(keys, event)).toBe(chosen)
  })

  const types = fc.constantFrom(
    'bounce',
    'open',
    'activity_log.user.login',
    'activity_log.a',
    'new',
  )
  const keys = fc.uniqueArray(
    fc.constantFrom(...KNOWN_KEYS, 'activity_log.*', 'activity_log.user.*', 'activity_log.a'),
  )
  const names = fc.option(fc.constantFrom(...NORMALISED_NAMES), { nil: undefined })

  it('does not depend on the order of the keys, and answers one of them', () => {
    fc.assert(
      fc.property(keys, types, names, (given, type, name) => {
        const chosen = chooseKey(given, { type, name })
        expect(chooseKey([...given].reverse(), { type, name })).toBe(chosen)
        if (chosen !== undefined) expect(given).toContain(chosen)
        if (given.includes(type)) expect(chosen).toBe(type)
        if (given.includes('*')) expect(chosen).toBeDefined()
      }),
    )
  })
})

describe('createRoutes', () => {
  it('names every handler that wants the event, in order', () => {
    const route = createRoutes([
      register('a', 'bounce'),
      register('b', 'open'),
      register('c', '*'),
      register('d', 'email.bounced', '*'),
    ])
    expect(route(named('bounce', 'email.bounced'))).toEqual(['a', 'c', 'd'])
    expect(route(named('bounce', 'email.bounced'))).toEqual(['a', 'c', 'd'])
    expect(route(named('bounce'))).toEqual(['a', 'c', 'd'])
    expect(route(named('open', 'email.opened'))).toEqual(['b', 'c', 'd'])
  })

  it('tells events of one type with and without a normalised name apart', () => {
    const route = createRoutes([register('a', 'email.bounced')])
    expect(route(named('bounce', 'email.bounced'))).toEqual(['a'])
    expect(route(named('bounce'))).toEqual([])
    expect(route(named('bounce', 'email.bounced'))).toEqual(['a'])
  })

  it('answers nothing without handlers', () => {
    expect(createRoutes([])(named('bounce', 'email.bounced'))).toEqual([])
  })

  it('stays right after more names than it remembers, and for endless ones', () => {
    const route = createRoutes([register('a', 'activity_log.*'), register('b', 'open')])
    for (let number = 0; number < 3_000; number += 1) {
      expect(route(named(`activity_log.${number}`))).toEqual(['a'])
      expect(route(named(`other.${number}`))).toEqual([])
    }
    expect(route(named(`activity_log.${'x'.repeat(100_000)}`))).toEqual(['a'])
    expect(route(named('open', 'email.opened'))).toEqual(['b'])
  })

  it('remembers its answers', () => {
    const keys = { reads: 0 }
    const registration = {
      ...register('a'),
      get keys() {
        keys.reads += 1
        return ['open']
      },
    }
    const route = createRoutes([registration])
    for (let time = 0; time < 5; time += 1) route(named('open', 'email.opened'))
    expect(keys.reads).toBe(1)
  })
})

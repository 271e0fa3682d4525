import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createGuards } from '../../src/http/authenticate.ts'
import { source } from './start-server.ts'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('basic auth', () => {
  const guard = createGuards()(source({ basicAuth: 'team:pa:ss wörd' }))

  it.each([
    basic('team:pa:ss wörd'),
    basic('team:pa:ss wörd').replace('Basic', 'basic'),
    basic('team:pa:ss wörd').replace('Basic', 'BASIC  '),
  ])('accepts %s', (header) => {
    expect(guard.acceptsBasicAuth(header)).toBe(true)
  })

  it.each([
    undefined,
    '',
    'Basic',
    'Basic ',
    basic(''),
    basic('team'),
    basic('team:'),
    basic(':pa:ss wörd'),
    basic('team:pa'),
    basic('team:pa:ss wörd '),
    basic('Team:pa:ss wörd'),
    basic('team:pa:ss wörd').replace('Basic', 'Bearer'),
    'Basic team:pa:ss wörd',
    `${basic('team:pa:ss wörd')}, Basic x`,
  ])('refuses %s', (header) => {
    expect(guard.acceptsBasicAuth(header)).toBe(false)
  })

  it('asks nothing when none is set', () => {
    expect(createGuards()(source()).acceptsBasicAuth(undefined)).toBe(true)
  })

  it('accepts nothing but the set text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(guard.acceptsBasicAuth(basic(text))).toBe(text === 'team:pa:ss wörd')
      }),
    )
  })
})

describe('token', () => {
  const guard = createGuards()(source({ urlToken: 'tök en' }))

  it('accepts the set text', () => {
    expect(guard.acceptsToken('tök en')).toBe(true)
  })

  it.each([undefined, null, '', 'tök', 'tök enx', 'TÖK EN', ['tök en'], ['tök en', 'tök en'], {}])(
    'refuses %j',
    (token) => {
      expect(guard.acceptsToken(token)).toBe(false)
    },
  )

  it('asks nothing when none is set', () => {
    expect(createGuards()(source()).acceptsToken(undefined)).toBe(true)
  })
})

describe('guards', () => {
  it('are made once for a source and anew for a reloaded one', () => {
    const guardOf = createGuards()
    const before = source({ urlToken: 'old' })
    expect(guardOf(before)).toBe(guardOf(before))
    const after = guardOf(source({ urlToken: 'new' }))
    expect(after.acceptsToken('old')).toBe(false)
    expect(after.acceptsToken('new')).toBe(true)
  })
})

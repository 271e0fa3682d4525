import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createGuards } from '../../src/receive/admit.ts'
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
  const PATH = '/webhooks/mailtrap'
  const accepts = (token: string, query: string) =>
    createGuards()(source({ urlToken: token })).acceptsToken(`${PATH}${query}`)

  it.each([
    ['ticket', 'ticket'],
    ['tök en', 't%C3%B6k%20en'],
    ['tök en', 't%C3%B6k+en'],
    ['a+b/c=', 'a+b/c='],
    ['a+b/c=', 'a%2Bb%2Fc%3D'],
    ['a+b/c=', 'a%2bb/c%3d'],
    ['100%', '100%'],
    ['100%', '100%25'],
    ['a%2Bb', 'a%2Bb'],
    ['a%2Bb', 'a%252Bb'],
    ['a&b#', 'a%26b%23'],
    ['a?b', 'a?b'],
  ])('%j is accepted when the URL says %s', (token, sent) => {
    expect(accepts(token, `?token=${sent}`)).toBe(true)
    expect(accepts(token, `?x=1&token=${sent}&y=%`)).toBe(true)
    expect(accepts(token, `?token=${sent}x`)).toBe(false)
  })

  it.each([
    '',
    '?',
    '?token',
    '?token=',
    '?token=t%C3%B6k',
    '?token=t%C3%B6k%20enx',
    '?token=T%C3%96K%20EN',
    '?token[]=t%C3%B6k%20en',
    '?Token=t%C3%B6k%20en',
    '?token=t%C3%B6k%20en&token=t%C3%B6k%20en',
    '?token=t%C3%B6k%20en&%74oken=x',
    '?other=1#token=t%C3%B6k%20en',
  ])('is refused with %j', (query) => {
    expect(accepts('tök en', query)).toBe(false)
  })

  it('accepts nothing but the set text, however it is written', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (token, text) => {
        const sent = encodeURIComponent(text)
        expect(accepts(text, `?token=${sent}`)).toBe(true)
        expect(accepts(token, `?token=${sent}`)).toBe([text, sent].includes(token))
      }),
    )
  })

  it('asks nothing when none is set', () => {
    expect(createGuards()(source()).acceptsToken(PATH)).toBe(true)
  })
})

describe('guards', () => {
  it('are made once for a source and anew for a reloaded one', () => {
    const guardOf = createGuards()
    const before = source({ urlToken: 'old' })
    expect(guardOf(before)).toBe(guardOf(before))
    const after = guardOf(source({ urlToken: 'new' }))
    expect(after.acceptsToken('/?token=old')).toBe(false)
    expect(after.acceptsToken('/?token=new')).toBe(true)
  })
})

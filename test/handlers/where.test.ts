import { describe, expect, it } from 'vitest'
import { createRoutes, createWhereCheck } from '../../src/handlers/event-keys.ts'

const EVENT = {
  event: 'bounce',
  category: 'Orders',
  response_code: 550,
  flag: true,
  tags: ['a', 'b'],
  custom_variables: { plan: 'pro', deep: { level: 2 } },
  nothing: null,
}

describe('where', () => {
  it.each([
    [{ category: ['Orders'] }, true],
    [{ category: ['Invoices', 'Orders'] }, true],
    [{ category: ['orders'] }, false],
    [{ category: ['Orders'], event: ['open'] }, false],
    [{ response_code: ['550'] }, true],
    [{ flag: ['true'] }, true],
    [{ tags: ['b'] }, true],
    [{ tags: ['c'] }, false],
    [{ 'custom_variables.plan': ['pro'] }, true],
    [{ 'custom_variables.deep.level': ['2'] }, true],
    [{ 'custom_variables.plan.more': ['pro'] }, false],
    [{ custom_variables: ['[object Object]'] }, false],
    [{ nothing: ['null'] }, false],
    [{ missing: ['undefined'] }, false],
    [{ constructor: ['x'] }, false],
    [{ 'category.length': ['6'] }, false],
  ])('%j of the event is %j', (where, isWanted) => {
    expect(createWhereCheck(where)(EVENT)).toBe(isWanted)
  })
})

describe('routes of handlers with where', () => {
  const routes = createRoutes([
    { name: 'all', keys: ['*'] },
    { name: 'orders', keys: ['*'], where: { category: ['Orders'] } },
    { name: 'opens', keys: ['open'], where: { category: ['Orders'] } },
  ])
  const bounce = { type: 'bounce', name: 'email.bounced' } as const

  it('lead only to those whose fields fit, time after time', () => {
    for (let n = 0; n < 2; n++) {
      expect(routes(bounce, EVENT)).toEqual(['all', 'orders'])
      expect(routes(bounce, { category: 'Invoices' })).toEqual(['all'])
    }
  })

  it('are all that the keys say where there is no content', () => {
    expect(routes(bounce)).toEqual(['all', 'orders'])
  })

  it('do not look at the content of an event of which no handler asks that', () => {
    const unread = createRoutes([
      { name: 'all', keys: ['*'] },
      { name: 'opens', keys: ['open'], where: { category: ['Orders'] } },
    ])
    const trap = new Proxy({}, { get: () => expect.unreachable(), has: () => expect.unreachable() })
    expect(unread(bounce, trap)).toEqual(['all'])
  })
})

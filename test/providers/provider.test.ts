import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { PROVIDER_NAMES } from '../../src/model.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'

const SRC = new URL('../../src/', import.meta.url)
/**
 * Their names as texts: `case 'mailtrap'`, `=== 'mailingapi'`. A key of a table is none, nor is the
 * package of that name.
 */
const NAMED = new RegExp(`(?<!from |import\\()['"](${PROVIDER_NAMES.join('|')})['"]`)

describe('the providers', () => {
  it('are told apart in their own folders, and nowhere else', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    // One of the forms in which events are forwarded is Mailtrap's own, and is called so.
    const forms = /^(handlers\/built-in\/(built-in-options|forward\/)|config\/handlers\/forward-)/
    const others = files.filter(
      (file) =>
        file.endsWith('.ts') &&
        !forms.test(file) &&
        !/^(providers|simulator|cli\/webhooks)\b|^model\.ts$/.test(file),
    )
    const branching = others.filter((file) => NAMED.test(readFileSync(new URL(file, SRC), 'utf8')))
    expect(others.length).toBeGreaterThan(100)
    expect(branching).toEqual([])
  })
})

describe.each(PROVIDER_NAMES)('the test event of %s', (name) => {
  const provider = PROVIDERS[name]

  it('is recognised as a test, by its content and by its id', () => {
    const facts = provider.describe(provider.makeTestEvent())
    expect(facts).toMatchObject({ isTest: true, identity: undefined, occurredAt: undefined })
    expect(provider.isTestId(facts?.eventId)).toBe(true)
  })

  it('is the same each time, so that it is kept once', () => {
    expect(provider.makeTestEvent()).toEqual(provider.makeTestEvent())
  })

  it('has an id that no other event has', () => {
    expect(provider.isTestId(undefined)).toBe(false)
    expect(provider.isTestId('evt_1')).toBe(false)
  })

  it('has its name where the provider keeps names', () => {
    expect(provider.makeTestEvent()).toHaveProperty(provider.nameField)
  })
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const FIXTURES = fileURLToPath(new URL('../../fixtures', import.meta.url))
const text = readFileSync(join(FIXTURES, 'README.md'), 'utf8')

interface Vectors {
  readonly vectors: readonly { readonly id: string; readonly expect: string }[]
}

describe('the README of the fixtures', () => {
  it('names every place', () => {
    const places = readdirSync(FIXTURES, { withFileTypes: true })
      .filter(({ name }) => name !== 'README.md')
      .map((entry) => (entry.isDirectory() ? `\`${entry.name}/` : `\`${entry.name}`))
    for (const place of places) expect(text).toContain(place)
  })

  it.each(['mailtrap', 'mailingapi'])('tells what each payload of %s is good for', (provider) => {
    for (const name of readdirSync(join(FIXTURES, 'payloads', provider))) {
      const known = text.includes(`\`${name}\``) || text.includes(`\`${name.split('.')[0]}.`)
      expect(known, name).toBe(true)
    }
  })

  it.each(['mailtrap', 'mailingapi'])(
    'lists every valid vector of %s, and no other',
    (provider) => {
      const all: Record<string, Vectors> = JSON.parse(
        readFileSync(join(FIXTURES, 'signature-vectors.json'), 'utf8'),
      )
      const valid = all[provider]?.vectors.filter((vector) => vector.expect === 'valid') ?? []
      const start = provider === 'mailtrap' ? '- Mailtrap, ' : '- MailingAPI, '
      const paragraph = text.slice(text.indexOf(start)).split(/\n(?=- |\n)/)[0] ?? ''
      const listed = [...paragraph.slice(paragraph.indexOf(':\n') + 1).matchAll(/`([\w-]+)`/g)]
      expect(listed.map(([, id]) => id).sort()).toEqual(valid.map(({ id }) => id).sort())
    },
  )

  it('is right that nothing may change a byte of them', () => {
    const attributes = readFileSync(join(FIXTURES, '../.gitattributes'), 'utf8')
    expect(attributes).toContain('fixtures/** -text\n')
  })
})

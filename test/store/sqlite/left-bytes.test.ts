import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findLeft } from '../../../src/store/sqlite/left-bytes.ts'
import { onTestFinished } from '../../on-test-finished.ts'

const ANN = 'ann@example.com'

function search(...contents: string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'receiver-left-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const files = contents.map((content, index) => {
    const file = join(directory, `${index}.db`)
    writeFileSync(file, content)
    return file
  })
  return findLeft(files, [ANN, 'hashed:0123'])
}

describe('what is left among the bytes of files', () => {
  it.each([
    '\0\u0001ann@example.com\u0001',
    '{"email":"ANN@example.com"}',
    '{"text":"line\\nann@example.com"}',
    '"joann@example.com" "ann@example.com"',
    'xhashed:0123"hashed:0123"',
  ])('is the person where the address stands alone: %j', async (content) => {
    expect(await search('nothing', content)).toBe('person')
  })

  it.each(['', 'f3jo@example.com', '{"email":"joann@example.com"}', '<ann@example.com.au>'])(
    'is nothing where a longer address is written out: %j',
    async (content) => {
      expect(await search(content)).toBe('nothing')
    },
  )

  it('is nothing where columns stand side by side and hold such a longer address', async () => {
    expect(await search('f3joann@example.comm-1{"email":"JoAnn@example.com"}')).toBe('nothing')
    expect(await search('f3joann@example.comm-1', '"joann@example.com"')).toBe('nothing')
  })

  it('is unclear where they may hold the address itself', async () => {
    expect(await search('f3ann@example.comm-1{"email":"joann@example.com"}')).toBe('unclear')
  })

  it('is seen where a file is read in parts', async () => {
    for (let length = 1024 * 1024 - 20; length < 1024 * 1024 + 5; length++) {
      expect(await search(`${' '.repeat(length)}${ANN}`), `${length}`).toBe('person')
      expect(await search(`${' '.repeat(length)}joann@example.com "`), `${length}`).toBe('nothing')
    }
  })
})

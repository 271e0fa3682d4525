import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))
const LITTLE_LINES = 30

/** Rooms that are still being folded, and how many are left in each. These may only become fewer. */
const LEFT: Readonly<Record<string, number>> = {
  'handlers/built-in/': 1,
}

interface SourceFile {
  readonly path: string
  readonly lines: number
  /** Of these it imports something as it is loaded. */
  readonly imports: readonly string[]
}

/** Every TypeScript file of `src`, its path from there. */
function readFiles(): SourceFile[] {
  const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  return paths
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => {
      const text = readFileSync(join(SRC, path), 'utf8')
      const imports = [...text.matchAll(/^(?:import|export|\})[^'\n]*\bfrom '(\.[^']+)'/gm)]
      return {
        path,
        lines: text.split('\n').length - 1,
        imports: imports.map(([, name = '']) => posix.join(dirname(path), name)),
      }
    })
}

/** Those that could stand in the only file that reads them. */
function findLittle(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ lines, path }) => {
      const importers = files.filter(({ imports }) => imports.includes(path))
      return lines < LITTLE_LINES && importers.length === 1
    })
    .map(({ path }) => path)
}

describe('the rooms of src', () => {
  const files = readFiles()
  const little = findLittle(files)

  it('hold no little file that only one other imports', () => {
    const isOpen = (path: string) => Object.keys(LEFT).some((room) => path.startsWith(room))
    expect(little.filter((path) => !isOpen(path))).toEqual([])
  })

  it.each(Object.entries(LEFT))('have in %s at most %i that are left', (room, most) => {
    const found = little.filter((path) => path.startsWith(room))
    expect(found.slice(0, most), `${found.length} in all`).toEqual(found)
  })

  it('are all read', () => {
    expect(files.length).toBeGreaterThan(200)
    expect(files.flatMap(({ imports }) => imports).length).toBeGreaterThan(files.length)
  })
})

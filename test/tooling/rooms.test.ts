import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))
const LITTLE_LINES = 30

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

  it('hold no little file that only one other imports', () => {
    expect(findLittle(files)).toEqual([])
  })

  it('are all read', () => {
    expect(files.length).toBeGreaterThan(200)
    expect(files.flatMap(({ imports }) => imports).length).toBeGreaterThan(files.length)
  })
})

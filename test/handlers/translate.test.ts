import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { createTranslate, loadCompiled } from '../../src/handlers/translate.ts'
import { builtFile } from '../../src/own-files.ts'
import { onTestFinished } from '../on-test-finished.ts'

const run = promisify(execFile)
const TRANSLATE = fileURLToPath(new URL('../../src/handlers/translate.ts', import.meta.url))
const SOURCE = `let calls = 0; module.exports = { add: (a, b) => { calls++; return a + b }, path: require('node:path') }`
/** Behind our two checksums, at the head of what V8 has written: its version is in the second four bytes. */
const [SUMS_BYTES, VERSION_AT] = [8, 12]

let folder: string
let file: string
let compiled: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'translate-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  file = join(folder, 'adder.cjs')
  compiled = join(folder, 'compiled')
  writeFileSync(file, SOURCE)
})

const keptFile = () => join(compiled, String(readdirSync(compiled)[0]))

function load() {
  const { exports, ...more } = loadCompiled(file, compiled)
  const { add } = exports as { add: (a: number, b: number) => number }
  return { ...more, sum: add(1, 2) }
}

/**
 * In a process of its own: V8 has at hand what it compiled in the same one, and its flags, for each set of
 * which something else is kept, may have been changed there.
 */
async function loadApart({
  source = file,
  place = compiled,
  flags = [] as readonly string[],
} = {}) {
  const code = `
    const { loadCompiled } = await import(process.argv[1])
    const { wasKept, keep } = loadCompiled(process.argv[2], process.argv[3])
    keep()
    console.log(wasKept)`
  const loader = ['--import', 'tsx', '--input-type=module', '-e', code]
  const { stdout } = await run(process.execPath, [...flags, ...loader, TRANSLATE, source, place])
  return { wasKept: stdout.trim() === 'true' }
}

const isWhole = (kept: Buffer) => kept.readUInt32LE(4) === crc32(kept.subarray(SUMS_BYTES))

/** With checksums that are right. */
function change(change: (kept: Buffer) => void): void {
  const kept = readFileSync(keptFile())
  change(kept)
  kept.writeUInt32LE(crc32(kept.subarray(SUMS_BYTES)), 4)
  writeFileSync(keptFile(), kept)
}

describe('loadCompiled', () => {
  it('has V8 take what was kept, and keeps nothing anew then', async () => {
    expect(load()).toMatchObject({ sum: 3, wasKept: false })
    expect(await loadApart()).toEqual({ wasKept: false })
    const kept = readFileSync(keptFile())
    expect(await loadApart()).toEqual({ wasKept: true })
    expect(readFileSync(keptFile())).toEqual(kept)
    expect(readdirSync(compiled)).toHaveLength(1)
  })

  it.each([
    ['cut short', (kept: Buffer) => kept.subarray(0, kept.length - 9)],
    ['empty', () => Buffer.alloc(0)],
    [
      'changed in its midst',
      (kept: Buffer) => kept.fill(0xff, kept.length >> 1, (kept.length >> 1) + 4),
    ],
  ])('compiles anew what is %s, and mends it', (_how, damage) => {
    load().keep()
    writeFileSync(keptFile(), damage(readFileSync(keptFile())))
    const loaded = load()
    expect(loaded).toMatchObject({ sum: 3, wasKept: false })
    loaded.keep()
    expect(readFileSync(keptFile())).toSatisfy(isWhole)
  })

  it('compiles anew what another version of V8 has made', async () => {
    await loadApart()
    change((kept) => kept.writeUInt8(kept.readUInt8(VERSION_AT) ^ 1, VERSION_AT))
    expect(await loadApart()).toEqual({ wasKept: false })
  })

  it('compiles anew when the source has changed, of the same length even', () => {
    load().keep()
    writeFileSync(file, SOURCE.replace('a + b', 'a * b'))
    expect(load()).toMatchObject({ sum: 2, wasKept: false })
  })

  it('does without where nothing can be written', () => {
    compiled = join(file, 'below')
    const loaded = load()
    loaded.keep()
    expect(loaded).toMatchObject({ sum: 3, wasKept: false })
  })
})

describe('createTranslate', () => {
  const given = {
    source: 'export const one: number = 1',
    filename: '/one.ts',
    ts: true,
    async: true,
  }

  it('translates as jiti does by itself', () => {
    const own = createRequire(import.meta.url)(fileURLToPath(babelFile()))
    const translate = createTranslate(compiled)
    for (const options of [given, { ...given, source: 'export const = 1' }]) {
      expect(String(translate?.(options).code)).toBe(String(own(options).code))
    }
  })

  it('is kept compiled in the build, for the next process of a handler', async () => {
    const flags = ['--max-old-space-size=256', '--min-semi-space-size=4']
    const handler = join(folder, 'one.ts')
    writeFileSync(
      handler,
      `import { defineHandler } from 'mailtrap-receiver'\nexport default defineHandler({ on: { '*': () => {} } })`,
    )
    const code = `(await import(process.argv[1])).loadHandler(process.argv[2])`
    const loader = fileURLToPath(builtFile('load-handler.mjs'))
    await run(process.execPath, [...flags, '--input-type=module', '-e', code, loader, handler])
    const built = fileURLToPath(builtFile('compiled/'))
    for (const source of [babelFile(), jitiFile()]) {
      const kept = loadApart({ source: fileURLToPath(source), place: built, flags })
      expect(await kept).toEqual({ wasKept: true })
    }
  })
})

const babelFile = () => new URL('../dist/babel.cjs', import.meta.resolve('jiti'))
const jitiFile = () => new URL('../dist/jiti.cjs', import.meta.resolve('jiti'))

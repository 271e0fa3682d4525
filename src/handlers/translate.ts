import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cachedDataVersionTag } from 'node:v8'
import { Script } from 'node:vm'
import { crc32 } from 'node:zlib'
import type { createJiti, JitiOptions } from 'jiti'
import { makeFolder } from '../make-folder.ts'
import { builtFile } from '../own-files.ts'

/*
 * What jiti translates handlers' sources with is a bundle of Babel of 1.5 MB: to compile it was a third of
 * the processor time until a handler's process is ready; jiti itself is one of 0.2 MB, in which Node also
 * looked for the names of its exports. V8's compiled form of both is kept, with those functions that a
 * first translation called. It lies in the build, where whoever may write could change the code as well;
 * where it may not be written, as in a container, there is what the build has made.
 */

const require = createRequire(import.meta.url)

type Translate = NonNullable<JitiOptions['transform']>
type CreateJiti = typeof createJiti
/** Of jiti's bundle, which leaves to its caller what depends on the kind of module that is. */
type CreateJitiFor = (...given: [...Parameters<CreateJiti>, host: object]) => ReturnType<CreateJiti>

/** Checksums of the source and of what was made of it: V8 looks at the length of the one, and trusts the other. */
const SUMS_BYTES = 8

/** As jiti exports it, sooner. `options` name what translates, unless that is not found. */
export const createLoader: CreateJiti = (id, options) => {
  const [folder, file] = [findFolder(), findBundle('jiti.cjs')]
  if (folder === undefined || file === undefined || options?.transform === undefined) {
    const jiti = require('jiti') as { createJiti: CreateJiti }
    return jiti.createJiti(id, options)
  }
  const jiti = loadCompiled(file, folder)
  const loader = (jiti.exports as CreateJitiFor)(id, options, HOST)
  jiti.keep()
  return loader
}

const HOST = {
  onError(error: unknown) {
    throw error
  },
  nativeImport: (id: string) => import(id),
  createRequire,
}

function findBundle(name: string): string | undefined {
  const entry = require.resolve('jiti')
  const file = entry.replace(/lib.jiti.cjs$/, `dist/${name}`)
  return file !== entry && existsSync(file) ? file : undefined
}

/** What jiti would take by itself, sooner; undefined where it is not found: jiti looks for it then. */
export function createTranslate(folder = findFolder()): Translate | undefined {
  const file = findBundle('babel.cjs')
  if (folder === undefined || file === undefined) return undefined
  let babel: CompiledModule | undefined
  return (options) => {
    if (babel) return (babel.exports as Translate)(options)
    babel = loadCompiled(file, folder)
    const translated = (babel.exports as Translate)(options)
    // Before any code of an app team has run.
    babel.keep()
    return translated
  }
}

function findFolder(): string | undefined {
  try {
    return fileURLToPath(builtFile('compiled/'))
  } catch {
    // Sources without a build.
    return undefined
  }
}

interface CompiledModule {
  /** Its `module.exports`. */
  readonly exports: unknown
  /** V8 took what was kept. */
  readonly wasKept: boolean
  /** Keeps what is compiled by now, unless that was kept already or cannot be. */
  keep(): void
}

/** Loads a CommonJS module that needs nothing but Node's own; `folder` has what was kept. */
export function loadCompiled(file: string, folder: string): CompiledModule {
  const source = readFileSync(file)
  // Each version of Node, kind of processor and, before Node 22, set of V8's flags has its own.
  const place = join(folder, `${basename(file)}.${cachedDataVersionTag()}`)
  const cachedData = readKept(place, crc32(source))
  const text = `(function (exports, require, module) { ${source}\n})`
  const script = new Script(text, { filename: file, ...(cachedData && { cachedData }) })
  const module: { exports: unknown } = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(file), module)
  const wasKept = script.cachedDataRejected === false
  return {
    exports: module.exports,
    wasKept,
    keep() {
      if (!wasKept) write(place, folder, [crc32(source), script.createCachedData()])
    },
  }
}

/** Undefined when there is none, it was made of another source, or is damaged. */
function readKept(place: string, sourceSum: number): Buffer | undefined {
  try {
    const kept = readFileSync(place)
    const compiled = kept.subarray(SUMS_BYTES)
    const isWhole = kept.readUInt32LE(0) === sourceSum && kept.readUInt32LE(4) === crc32(compiled)
    return isWhole ? compiled : undefined
  } catch {
    return undefined
  }
}

/** Whole, at once: another handler's process may be reading it. */
function write(place: string, folder: string, [sourceSum, compiled]: readonly [number, Buffer]) {
  const sums = Buffer.alloc(SUMS_BYTES)
  sums.writeUInt32LE(sourceSum, 0)
  sums.writeUInt32LE(crc32(compiled), 4)
  const fresh = `${place}.${process.pid}`
  try {
    makeFolder(folder)
    writeFileSync(fresh, Buffer.concat([sums, compiled]))
    renameSync(fresh, place)
  } catch {
    try {
      rmSync(fresh, { force: true })
    } catch {
      // It may not be written here.
    }
  }
}

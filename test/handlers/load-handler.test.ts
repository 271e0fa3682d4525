import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LoadedHandler } from '../../src/handlers/load-handler.ts'
import { builtFile } from '../../src/own-files.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** Modules in a folder that has no `mailtrap-receiver` in its `node_modules`. */
const MODULES = {
  'plain.mjs': `
    import { defineHandler } from 'mailtrap-receiver'
    export default defineHandler({ on: { bounce: () => {} } })`,
  'plain.js': `
    import { defineHandler } from 'mailtrap-receiver'
    export default defineHandler({ onBatch: () => {} })`,
  'typed.ts': `
    import { defineHandler, PermanentError, type Handler, type MailtrapBounceEvent } from 'mailtrap-receiver'
    import { only } from 'esm-only'
    import commonjs from 'commonjs-only'
    import { helper } from './lib/helper.ts'
    import { helper as same } from './lib/helper'
    enum Reason { Hard = 'hard' }
    namespace Words { export const name = 'typed' }
    class Counter { constructor(private readonly start: number) {} get() { return this.start } }
    const waited: number = await Promise.resolve(new Counter(1).get())
    const isRight = only === 'esm' && commonjs() === 'cjs' && helper === same && waited === 1
      && Reason.Hard === 'hard' && new PermanentError('x') instanceof Error
    const handler: Handler = defineHandler({
      name: isRight ? Words.name : 'wrong',
      on: { bounce: (event: MailtrapBounceEvent) => event.bounce_category, 'email.opened': async () => {} },
    })
    export default handler`,
  'common.cjs': `
    const { defineHandler } = require('mailtrap-receiver')
    const { helper } = require('./lib/helper.ts')
    module.exports = defineHandler({ on: helper ? { bounce: () => {} } : {} })`,
  'common.cts': `
    import { defineHandler, type Handler } from 'mailtrap-receiver'
    const handler: Handler = defineHandler({ on: { bounce: () => {} } })
    export default handler`,
  'aliased.ts': `
    import { defineHandler } from 'mailtrap-receiver'
    import { helper } from '@lib/helper'
    import { helper as same } from '#helper'
    export default defineHandler({ on: helper && helper === same ? { open: () => {} } : {} })`,
  'lone/aliased.ts': `
    import { helper } from '@lib/helper'
    export default helper`,
  'lone/plain.ts': `
    import { defineHandler } from 'mailtrap-receiver'
    export default defineHandler({ on: { open: () => {} } })`,
  'empty.ts': `
`,
  'helper.ts': `export const shorten = (text: string) => text.slice(0, 10)`,
  'helper.cjs': `module.exports.shorten = (text) => text.slice(0, 10)`,
  'lib/helper.ts': `
    import { defineHandler } from 'mailtrap-receiver'
    export const helper: unknown = defineHandler`,
  'module.mts': `
    import { defineHandler } from 'mailtrap-receiver'
    import { sampleEvent } from 'mailtrap-receiver/testing'
    export default defineHandler({ name: sampleEvent('open').event, on: { '*': () => {} } })`,
  'foldered/index.ts': `
    import { defineHandler } from 'mailtrap-receiver'
    export default defineHandler({ on: { open: () => {} } })`,
  'other-copy.mjs': `
    export default {
      [Symbol.for('mailtrap-receiver.handler')]: true,
      name: 'other-copy', keys: ['open'], on: { open: () => {} }, onBatch: undefined,
    }`,
  'no-default.ts': `export const handler = 1`,
  'by-hand.mjs': `export default { name: 'by-hand', on: { bounce: () => {} } }`,
  'default-undefined.mjs': `export default undefined`,
  'misspelt.mjs': `
    import { defineHandler } from 'mailtrap-receiver'
    export default defineHandler({ on: { bonce: () => {} } })`,
  'bad-name.mjs': `
    import { defineHandler } from 'mailtrap-receiver'
    export default defineHandler({ name: 'Bad Name', on: { bounce: () => {} } })`,
  'Bad File.ts': `
    import { defineHandler } from 'mailtrap-receiver'
    export default defineHandler({ on: { bounce: () => {} } })`,
  'throws.ts': `
    interface Padding { a: 1 }
    function connect(): never { throw new RangeError('no database') }
    connect()`,
  'throws-null.mjs': `throw null`,
  'rejects.mjs': `await Promise.reject(new Error('not today'))`,
  'missing-import.ts': `import { x } from 'nowhere-to-be-found'; export default x`,
  'broken.ts': `export default {`,
} as const
type Module = keyof typeof MODULES | 'built-in:log' | 'absent.ts'

type Result = Partial<LoadedHandler> & { problem?: string; functions?: string[] }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'handlers-'))
  const packages = {
    'node_modules/esm-only/package.json':
      '{"name":"esm-only","type":"module","exports":{"import":"./a.js"}}',
    'node_modules/esm-only/a.js': `await 0\nexport const only = 'esm'`,
    // With comments, as compilers take it.
    'tsconfig.json': `{ // of the team
      "compilerOptions": { "paths": { "@lib/*": ["./lib/*"], "#helper": ["./lib/helper.ts"] } } }`,
    'lone/tsconfig.json': '{ "extends": "@not-installed/here" }',
    'node_modules/commonjs-only/index.js': `module.exports = () => 'cjs'`,
  }
  for (const [name, text] of Object.entries({ ...MODULES, ...packages })) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Loads every module in a process of its own, as Node runs it, without the test runner's loader. */
async function loadAll(execArgv: string[], loader: string) {
  const child = join(root, 'test/handlers/load-in-child.mjs')
  const modules: Module[] = [...(Object.keys(MODULES) as Module[]), 'built-in:log', 'absent.ts']
  const paths = modules.map((name) => (name === 'built-in:log' ? name : join(folder, name)))
  const { stdout } = await run(process.execPath, [...execArgv, child, loader, ...paths])
  const results = stdout
    .trim()
    .split('\n')
    .map((line): Result => JSON.parse(line))
  expect(results).toHaveLength(modules.length)
  return new Map(modules.map((name, index) => [name, results[index]]))
}

describe.each(['sources', 'built code'])('loadHandler, from %s', (origin) => {
  let results: Map<Module, Result | undefined>

  beforeAll(async () => {
    results =
      origin === 'sources'
        ? await loadAll(
            ['--import', import.meta.resolve('tsx')],
            join(root, 'src/handlers/load-handler.ts'),
          )
        : await loadAll([], fileURLToPath(builtFile('load-handler.mjs')))
  })

  it.each<[Module, Result]>([
    ['plain.mjs', { name: 'plain', keys: ['bounce'], takesBatches: false, functions: ['bounce'] }],
    ['plain.js', { name: 'plain', keys: ['*'], takesBatches: true, functions: [] }],
    ['typed.ts', { name: 'typed', keys: ['bounce', 'email.opened'], takesBatches: false }],
    ['module.mts', { name: 'open', keys: ['*'] }],
    ['common.cjs', { name: 'common', keys: ['bounce'] }],
    ['common.cts', { name: 'common', keys: ['bounce'] }],
    ['aliased.ts', { name: 'aliased', keys: ['open'] }],
    ['lone/plain.ts', { name: 'plain', keys: ['open'] }],
    ['foldered/index.ts', { name: 'foldered', keys: ['open'] }],
    ['other-copy.mjs', { name: 'other-copy', keys: ['open'] }],
    ['built-in:log', { name: 'log', keys: ['*'], takesBatches: false }],
  ])('loads %s', (module, expected) => {
    expect(results.get(module)).toMatchObject(expected)
  })

  it.each<[Module, ...string[]]>([
    ['no-default.ts', 'no default export', 'export default defineHandler({'],
    ['empty.ts', 'It is empty', 'put it into a folder below, such as', '/lib,'],
    ['helper.ts', 'no default export', 'put it into a folder below'],
    ['helper.cjs', 'was not made by defineHandler', 'put it into a folder below'],
    ['lone/aliased.ts', 'could not be loaded', '@lib/helper'],
    ['by-hand.mjs', 'was not made by defineHandler', 'export default defineHandler({'],
    ['default-undefined.mjs', 'was not made by defineHandler'],
    ['misspelt.mjs', 'There is no event `bonce`. Did you mean `bounce`?'],
    ['bad-name.mjs', 'The name "Bad Name" is not allowed'],
    ['Bad File.ts', 'The name "Bad File" is not allowed', 'Give it a `name`.'],
    ['throws.ts', 'could not be loaded', 'RangeError: no database', 'throws.ts:3'],
    ['throws-null.mjs', 'could not be loaded', 'threw no Error but null'],
    ['rejects.mjs', 'could not be loaded', 'not today'],
    ['missing-import.ts', 'could not be loaded', 'nowhere-to-be-found'],
    ['broken.ts', 'could not be loaded', 'broken.ts:1'],
    ['absent.ts', 'could not be loaded', 'Cannot find module'],
  ])('says where and what is wrong with %s', (module, ...sentences) => {
    const { problem } = results.get(module) ?? {}
    for (const part of [join(folder, module), ...sentences]) expect(problem).toContain(part)
    expect(problem?.length).toBeLessThan(2_500)
  })
})

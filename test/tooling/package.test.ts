import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtFile } from '../../src/own-files.ts'
import { readLinks } from './books.ts'
import { runShell } from './shell.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const MANIFEST: { dependencies: Record<string, string> } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
)

const HANDLER = `
import { defineHandler, PermanentError, type MailtrapBounceEvent, type NormalisedEvent } from 'mailtrap-receiver'

const describe = (event: MailtrapBounceEvent) => event.bounce_category?.toLowerCase()
const rank = (event: NormalisedEvent): number => event.rank

export default defineHandler({
  on: {
    bounce: (event, { log, original }) => {
      if (event.email === undefined) throw new PermanentError('no address')
      log.info('bounced', { category: describe(event), extra: original.extra })
    },
    'email.opened': (event) => rank(event),
  },
})
`
/** Compiles only where the types arrive: were they `any`, these lines would be right. */
const MISTAKES = `
import { defineHandler } from 'mailtrap-receiver'
import { sampleEvent } from 'mailtrap-receiver/testing'

// @ts-expect-error: misspelt key
defineHandler({ on: { bonce: () => {} } })
// @ts-expect-error: misspelt field
defineHandler({ on: { click: (event) => event.ulr } })
// @ts-expect-error: text, no number
defineHandler({ on: { delivered: (event) => event.data.delivered_at * 2 } })
// @ts-expect-error: there is no such sample
sampleEvent('email.bounced')
`
const RUN = `
import { runHandler, sampleEvent, signedRequest } from 'mailtrap-receiver/testing'
import handler from './handlers/bounces.ts'

const run = await runHandler(handler, { ...sampleEvent('bounce'), extra: 1 })
const request = signedRequest(sampleEvent('open'), { secret: 'a'.repeat(32) })
process.stdout.write(JSON.stringify({ run, url: request.url, type: sampleEvent('click').event }))
`

/** A project of an app team: our package, what it depends on, and nothing else of ours. */
let project: string
let files: string[]

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'package-'))
  const options = { cwd: ROOT, env: { npm_config_offline: 'true', npm_config_loglevel: 'error' } }
  await runShell(`npm pack --ignore-scripts --pack-destination '${project}'`, options)
  const home = join(project, 'node_modules/mailtrap-receiver')
  mkdirSync(home, { recursive: true })
  files = (await runShell(`tar -xzvf *.tgz -C '${home}' --strip-components=1`, here()))
    .trim()
    .split('\n')
    .map((line) => line.replace(/^package\//, ''))
  for (const name of [...Object.keys(MANIFEST.dependencies), '@types/node', 'undici-types']) {
    mkdirSync(dirname(join(project, 'node_modules', name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name))
  }
  mkdirSync(join(project, 'handlers'))
  writeFileSync(join(project, 'package.json'), '{"type":"module"}')
  writeFileSync(join(project, 'handlers/bounces.ts'), HANDLER)
  writeFileSync(join(project, 'mistakes.ts'), MISTAKES)
  writeFileSync(join(project, 'run.ts'), RUN)
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

function here(env: Record<string, string> = {}) {
  return { cwd: project, env }
}

describe('the package', () => {
  it('holds what runs, with its tables, page, types and examples, and no more', () => {
    const build = `dist/${builtFile('.').href.split('/').at(-2)}/`
    const needed = [
      'dist/main.js',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/testing.js',
      'dist/testing.d.ts',
      `${build}main.mjs`,
      `${build}main.mjs.map`,
      `${build}admin/page/index.html`,
      `${build}store/sqlite/migrations/0001_first.sql`,
      `${build}store/postgres/migrations/0001_first.sql`,
      'fixtures/handlers/suppressions.ts',
      'fixtures/requests/requests.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
    ]
    expect(files).toEqual(expect.arrayContaining(needed))
    const places = ['fixtures', 'LICENSE', 'README.md', 'CHANGELOG.md', 'package.json']
    const books = readLinks('README.md').map(({ path }) => path)
    const others = files.filter(
      (file) => !books.includes(file) && !['dist', ...places].includes(file.split('/')[0] ?? ''),
    )
    expect(others).toEqual([])
    expect(files.filter((file) => /\.test\.|^dist\/.*\.md$/.test(file))).toEqual([])
    // No build but this one, which had 200 files and more when each module was a file.
    const built = files.filter((file) => file.startsWith('dist/') && !file.endsWith('/'))
    expect(built.filter((file) => file.split('/').length > 2 && !file.startsWith(build))).toEqual(
      [],
    )
  })

  it('holds everything that its README leads to', () => {
    for (const { path } of readLinks('README.md')) {
      if (path !== '') expect(files).toContain(path)
    }
  })

  it.each(['nodenext', 'preserve'])(
    'brings its types to a project of %s modules',
    async (module) => {
      const compilerOptions = {
        strict: true,
        noEmit: true,
        module,
        target: 'es2022',
        types: ['node'],
        allowImportingTsExtensions: true,
        exactOptionalPropertyTypes: true,
        // Our declarations have to be right without being skipped.
        skipLibCheck: false,
      }
      const include = ['**/*.ts', 'node_modules/mailtrap-receiver/fixtures/handlers']
      const settings = { compilerOptions, include, exclude: [] }
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(settings))
      await runShell(`'${process.execPath}' '${TSC}'`, here())
    },
  )

  it('runs a handler in its own tests', async () => {
    const loader = import.meta.resolve('tsx')
    const printed = await runShell(`'${process.execPath}' --import '${loader}' run.ts`, here())
    expect(JSON.parse(printed)).toEqual({
      run: {
        outcome: 'done',
        logs: [{ level: 'info', text: 'bounced', fields: { category: 'badrecipient', extra: 1 } }],
        failed: [],
      },
      url: '/webhooks/mailtrap',
      type: 'click',
    })
  })

  it('loads the handlers of the project with what it depends on and nothing else', async () => {
    const main = 'node_modules/mailtrap-receiver/dist/main.js'
    const env = { MAILTRAP_SIGNING_SECRET: 'a'.repeat(32), DATA_DIR: join(project, 'data') }
    const printed = await runShell(`'${process.execPath}' ${main} check --json`, here(env))
    expect(JSON.parse(printed)).toMatchObject({
      ok: true,
      handlers: [{ name: 'bounces', keys: ['bounce', 'email.opened'] }],
    })
  })
})

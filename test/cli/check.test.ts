import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDriver } from '../../src/store/sqlite/driver.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { openSqliteStore } from '../store/sqlite-harness.ts'
import { runCommand } from './run-command.ts'

const SECRET = '8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e'

/** A folder with handler modules, named after what each does. */
async function makeHandlers(modules: Record<string, string>): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'check-test-')))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(modules)) {
    await writeFile(
      join(folder, name),
      `import { defineHandler } from 'mailtrap-receiver'\n${text}`,
    )
  }
  return folder
}

function check(folder: string, argv: readonly string[] = [], env: Record<string, string> = {}) {
  const path = process.env.PATH ?? ''
  const given = { PATH: path, HANDLERS: folder, MAILTRAP_SIGNING_SECRET: SECRET, ...env }
  return runCommand(['check', ...argv], { env: given })
}

describe('mailtrap-receiver check', () => {
  it('names every handler with its module and its keys', async () => {
    const folder = await makeHandlers({
      'bounces.ts':
        "export default defineHandler({ on: { bounce: () => {}, 'email.complained': () => {} } })",
      'counts.ts':
        "export default defineHandler({ name: 'counter', events: ['open'], onBatch: () => {} })",
    })
    const { exitCode, out, err } = await check(folder)
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    expect(out).toContain('source      POST /webhooks/mailtrap, mailtrap, 1 secret\n')
    expect(out).toContain(`✓ bounces  ${folder}/bounces.ts\n    bounce, email.complained\n`)
    expect(out).toContain(`✓ counter  ${folder}/counts.ts\n    open, in batches\n`)
    expect(out).not.toContain(SECRET)
  })

  it('ends at once when it is stopped while a handler loads, and the handler with it', async () => {
    const folder = await makeHandlers({})
    const file = join(folder, 'pid')
    const begin = `import { writeFileSync } from 'node:fs'\nwriteFileSync(${JSON.stringify(file)}, String(process.pid))`
    await writeFile(
      join(folder, 'hangs.mjs'),
      `${begin}\nsetInterval(() => {}, 1_000)\nawait new Promise(() => {})\n`,
    )
    const stopped = new AbortController()
    const env = { PATH: process.env.PATH ?? '', HANDLERS: folder, MAILTRAP_SIGNING_SECRET: SECRET }
    const run = runCommand(['check'], { env, stopped: stopped.signal })
    await expect.poll(() => readFile(file, 'utf8').catch(() => '')).not.toBe('')
    const pid = Number(await readFile(file, 'utf8'))
    stopped.abort()
    expect(await run).toEqual({
      exitCode: 1,
      out: '',
      err: 'error: Stopped before it had ended, as asked.\n',
    })
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  it('shows where a handler without a module takes its events, and nothing secret of it', async () => {
    const folder = await makeHandlers({})
    const file = join(folder, 'receiver.yaml')
    const key = `whsec_${Buffer.from('a-signing-key-of-32-bytes-or-so!').toString('base64')}`
    await writeFile(
      file,
      `handlers:
  - { forward: { env: HOOK }, name: app, secret: { env: HOOK_KEY } }
  - { forward: 'http://app.internal/hooks/hush', name: other }
  - { table: { url: { env: ANALYTICS }, name: analytics.mail_events } }
  - { table: { url: 'postgres://user@/hush?host=/run/postgresql', name: mail_events }, name: near }
  - { table: { url: 'https://u:hush@click.internal:8443/?password=hush', name: mail_events }, name: click }
  - { publish: { url: { env: NATS }, subject: mail.events } }
  - { publish: { url: 'amqps://u:hush@rabbit.internal/hush', exchange: mail }, name: rabbit }
`,
    )
    const env = {
      HANDLERS: '',
      CONFIG_FILE: file,
      DATA_DIR: folder,
      HOOK: 'https://user:hush@app.internal:8443/hooks/hush?token=hush',
      HOOK_KEY: key,
      ANALYTICS: 'postgres://user:hush@db.internal:5433/hush?sslmode=require',
      NATS: 'nats://user:hush@nats.internal:4222',
    }
    const { out } = await check(folder, [], env)
    for (const line of [
      'built-in:forward/app\n    to https://app.internal:8443\n',
      'built-in:forward/other\n    to http://app.internal\n',
      'built-in:table\n    to postgres://db.internal:5433, table analytics.mail_events\n',
      'built-in:table/near\n    to postgres:///run/postgresql, table mail_events\n',
      'built-in:table/click\n    to https://click.internal:8443, table mail_events\n',
      'built-in:publish\n    to nats://nats.internal:4222, subject mail.events\n',
      'built-in:publish/rabbit\n    to amqps://rabbit.internal, exchange mail\n',
    ]) {
      expect(out).toContain(line)
    }
    expect(out).not.toMatch(/hush|user|token=|whsec_/)
    const { out: json } = await check(folder, ['--json'], env)
    expect(json).not.toMatch(/hush|user|token=|whsec_/)
    const { handlers } = JSON.parse(json) as { handlers: { target: string | null }[] }
    expect(handlers[0]).toMatchObject({ name: 'app', target: 'https://app.internal:8443' })
  })

  it('refuses a folder as the file of the store', async () => {
    const folder = await makeHandlers({})
    const { exitCode, err } = await check(folder, [], {
      HANDLERS: 'built-in:log',
      STORE_URL: `sqlite:${folder}`,
    })
    expect(exitCode).toBe(78)
    expect(err).toContain(
      `STORE_URL leads to ${folder}, which is a folder. Give the path of a file`,
    )
  })

  it.each([
    ['this is no database, but long enough for one '.repeat(40), 'The database is damaged.'],
    [undefined, 'is a database of something else'],
  ])('opens the store: %j', async (text, problem) => {
    const folder = await makeHandlers({})
    const file = join(folder, 'some.db')
    if (text !== undefined) await writeFile(file, text)
    else {
      const db = await openDriver(file, { isReadOnly: false })
      db.exec('CREATE TABLE customers (n INTEGER)')
      db.close()
    }
    const before = await readFile(file)
    const env = { HANDLERS: 'built-in:log', STORE_URL: `sqlite:${file}` }
    const { exitCode, out, err } = await check(folder, [], env)
    expect(exitCode).toBe(78)
    expect(out).toContain(problem)
    expect(err).toContain('the store cannot be used; what is wrong stands above.')
    expect(await readFile(file)).toEqual(before)
    const { out: json } = await check(folder, ['--json'], env)
    expect(JSON.parse(json)).toMatchObject({
      ok: false,
      store: { usable: false, problem: expect.stringContaining(problem) },
    })
  })

  it('opens a store that a receiver has open, and makes none that is not there', async () => {
    const folder = await makeHandlers({})
    const env = { HANDLERS: 'built-in:log', DATA_DIR: folder }
    expect((await check(folder, [], env)).exitCode).toBe(0)
    expect(await readdir(folder)).toEqual([])
    const store = await openSqliteStore(folder)
    onTestFinished(() => store.close())
    expect(await check(folder, [], env)).toMatchObject({ exitCode: 0, err: '' })
  })

  it('makes no secret with --dev: serve --dev does', async () => {
    const folder = await makeHandlers({})
    const env = { HANDLERS: 'built-in:log', DATA_DIR: folder, MAILTRAP_SIGNING_SECRET: '' }
    const { exitCode, out } = await check(folder, ['--dev'], env)
    expect(exitCode).toBe(0)
    expect(out).toContain(
      'source      POST /webhooks/mailtrap, mailtrap, the secret of serve --dev\n',
    )
    expect(await readdir(folder)).toEqual([])
  })

  it('tells of a database that is away, without which a start acknowledges all the same', async () => {
    const folder = await makeHandlers({})
    const env = {
      HANDLERS: 'built-in:log',
      STORE_URL: 'postgres://u@127.0.0.1:1/d',
      REDACT_KEY: SECRET,
    }
    const { exitCode, out } = await check(folder, [], env)
    expect(exitCode).toBe(0)
    expect(out).toContain('ECONNREFUSED')
  })

  it('says what is wrong with each and ends with 78', async () => {
    const folder = await makeHandlers({
      'good.ts': "export default defineHandler({ on: { '*': () => {} } })",
      'misspelt.ts': 'export default defineHandler({ on: { bounced_: () => {} } } as never)',
      'throws.ts': "console.log('connecting'); throw new Error('no database')\n",
    })
    const { exitCode, out, err } = await check(folder)
    expect(exitCode).toBe(78)
    expect(out).toContain('✓ good')
    expect(out).toMatch(/✗ .*misspelt\.ts.*\n.*bounced_/)
    expect(out).toMatch(/✗ .*throws\.ts.*\n.*no database\n {8}at .*throws\.ts/)
    expect(err).toContain('2 handlers cannot be used')
  })

  it('refuses two handlers of one name', async () => {
    const text = "export default defineHandler({ name: 'twin', on: { '*': () => {} } })"
    const folder = await makeHandlers({ 'a.mjs': text, 'b.mjs': text })
    const { exitCode, out } = await check(folder)
    expect(exitCode).toBe(78)
    expect(out).toContain(`Its name twin is also that of ${folder}/b.mjs.`)
  })

  it('shows handlers no secret', async () => {
    const folder = await makeHandlers({
      'curious.mjs': "throw new Error('secret: ' + process.env['MAILTRAP_SIGNING_SECRET'])\n",
    })
    const { out } = await check(folder)
    expect(out).toContain('secret: undefined')
  })

  it('reports to machines', async () => {
    const folder = await makeHandlers({
      'all.mjs': "export default defineHandler({ on: { '*': () => {} } })",
    })
    const { exitCode, out } = await check(folder, ['--json'])
    expect(exitCode).toBe(0)
    const { handlers } = JSON.parse(out)
    const names = ['keys', 'module', 'name', 'output', 'problems', 'takes_batches', 'target']
    expect(Object.keys(handlers[0]).sort()).toEqual(names)
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      handlers: [
        {
          name: 'all',
          module: `${folder}/all.mjs`,
          keys: ['*'],
          takes_batches: false,
          problems: [],
        },
      ],
    })
  })

  it('reports wrong settings before it loads anything', async () => {
    const folder = await makeHandlers({ 'throws.ts': "throw new Error('loaded')\n" })
    const { exitCode, out, err } = await check(folder, [], { PORT: 'many' })
    expect(exitCode).toBe(78)
    expect(out).toBe('')
    expect(err).toContain('  PORT ')
  })
})

import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { knownKeys } from '../../src/config/file-schema.ts'
import { readSettings, SETTINGS } from '../../src/config.ts'
import { KNOWN_KEYS } from '../../src/handlers/event-keys.ts'
import {
  EVENT_STATES,
  NORMALISED_NAMES,
  PROVIDER_NAMES,
  type ProviderName,
} from '../../src/model.ts'
import { METRICS } from '../../src/observe/metric-list.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import { type Block, readBlocks, readTables, shapeOf, splitCommands } from './readme-blocks.ts'
import { interrupt, kill, type Running, runShell, startShell } from './shell.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const README = join(ROOT, 'README.md')
const PATIENCE = { interval: 100 }
const MANIFEST: { version: string; scripts: Record<string, string>; dependencies: unknown } =
  readJson('package.json')

/** A checkout after `npm ci`, in which a newcomer does what the README says. */
let home: string
let receiver: (Running & { url: string; adminUrl: string }) | undefined
let simulator: (Running & { url: string }) | undefined

const env = {
  // Short of the network, and away from receivers that run on this machine.
  npm_config_offline: 'true',
  npm_config_update_notifier: 'false',
  HOST: '127.0.0.1',
  PORT: '0',
  ADMIN_PORT: '0',
}

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'readme-'))
  for (const name of ['dist', 'fixtures', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    cpSync(join(ROOT, name), join(home, name), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'))
  // `npm test` has built it already.
  const scripts = { ...MANIFEST.scripts, build: 'true' }
  writeFileSync(join(home, 'package.json'), JSON.stringify({ ...MANIFEST, scripts }))
  writeFileSync(join(home, 'secret'), '8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e\n')
})
afterAll(async () => {
  for (const running of [receiver, simulator]) {
    if (running) kill(running)
    await running?.ended
  }
  rmSync(home, { recursive: true, force: true })
})

function readJson<Value>(name: string): Value {
  return JSON.parse(readFileSync(join(ROOT, name), 'utf8'))
}

function options() {
  return { cwd: home, env: { ...env, HOME: home } }
}

async function stopReceiver(): Promise<void> {
  if (receiver) await interrupt(receiver)
  receiver = undefined
}

/** Starts what runs until Ctrl-C; what ran before is stopped first, as one terminal demands. */
async function startReceiver(command: string): Promise<() => Promise<string>> {
  await stopReceiver()
  const running = startShell(command, options())
  receiver = { ...running, url: '', adminUrl: '' }
  const isUp = /"msg":"ready"|Ctrl-C ends it/
  await expect
    .poll(() => running.child.exitCode !== null || isUp.test(running.printed()), PATIENCE)
    .toBe(true)
  expect(running.printed()).toMatch(isUp)
  receiver.url = /"public_url":"([^"]+)/.exec(running.printed())?.[1] ?? ''
  receiver.adminUrl = /"admin_url":"([^"]+)/.exec(running.printed())?.[1] ?? ''
  return async () => running.printed()
}

/** The usual ports may be taken here, so the commands are told others. */
async function runReceiverCommand(command: string): Promise<() => Promise<string>> {
  const name = /mailtrap-receiver (\w+)/.exec(command)?.[1]
  if (name === 'check') return runOnce(command)
  const here = command.replace('http://127.0.0.1:3000', receiver?.url ?? '')
  const address =
    name === 'send'
      ? `--url ${receiver?.url}/webhooks/mailtrap`
      : `--admin-url ${receiver?.adminUrl}`
  const again = () => runShell(`${withoutNpx(here)} ${address}`, options())
  await again()
  return again
}

/** Runs beside the receiver, in another terminal. */
async function startSimulator(command: string): Promise<() => Promise<string>> {
  const running = startShell(`${withoutNpx(command)} --port 0`, options())
  simulator = { ...running, url: '' }
  await expect.poll(running.printed, PATIENCE).toContain('Ctrl-C ends it')
  simulator.url = /simulated at (http:[^,]+)/.exec(running.printed())?.[1] ?? ''
  return async () => running.printed()
}

/** The webhook is told where the receiver will be. */
async function createWebhook(command: string): Promise<() => Promise<string>> {
  env.PORT = String(await findFreePort())
  const there = command
    .replace('http://127.0.0.1:3002', simulator?.url ?? '')
    .replace('127.0.0.1:3000', `127.0.0.1:${env.PORT}`)
  return runOnce(withoutNpx(there))
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** npx takes a second, and `check` has shown that it finds us. */
function withoutNpx(command: string): string {
  return command.replace('npx mailtrap-receiver', 'node dist/main.js')
}

async function runOnce(command: string): Promise<() => Promise<string>> {
  const printed = await runShell(command, options())
  return async () => printed
}

/** No engine here: what the line names must be there. */
async function checkDocker(command: string): Promise<() => Promise<string>> {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
  const mounts = [...command.matchAll(/--volume "?([^:]+):([^:" ]+)/g)]
  for (const [, from = '', to = ''] of mounts) {
    if (from.startsWith('$PWD/')) expect(existsSync(from.replace('$PWD', home)), from).toBe(true)
    else expect(dockerfile).toContain(`VOLUME ${to}\n`)
  }
  const secret = /_FILE=(\S+)/.exec(command)?.[1]
  if (secret !== undefined) expect(mounts.map(([, , to]) => to)).toContain(secret)
  if (command.includes(' exec ')) expect(dockerfile).toContain('/usr/local/bin/mailtrap-receiver')
  return async () => ''
}

/** Runs a line; answers how to see what it prints, now or, if it can be asked again, later. */
function run(command: string): Promise<() => Promise<string>> {
  if (command.startsWith('docker ')) return checkDocker(command)
  const rest = command.replace(/^npm ci && /, '')
  if (/\bnpm (start|run demo)\b/.test(rest)) return startReceiver(rest)
  if (rest.includes('mailtrap-receiver simulate')) return startSimulator(rest)
  if (rest.includes('mailtrap-receiver webhooks')) return createWebhook(rest)
  return rest.includes('npx mailtrap-receiver') ? runReceiverCommand(rest) : runOnce(rest)
}

interface Step {
  readonly title: string
  readonly block: Block
  readonly command?: string
  /** What the README shows below the command. */
  readonly shown?: string | undefined
}

function listSteps(blocks: readonly Block[]): Step[] {
  return blocks.flatMap((block, index): Step[] => {
    if (block.file !== undefined) return [{ title: `the file ${block.file}`, block }]
    if (block.language !== 'sh') return []
    const next = blocks[index + 1]
    const commands = splitCommands(block.text)
    return commands.map((command, position) => {
      const isLast = position === commands.length - 1
      return {
        title: command,
        block,
        command,
        shown: isLast && next?.language === 'text' ? next.text : undefined,
      }
    })
  })
}

describe('a newcomer who does what the README says', () => {
  it.each(listSteps(readBlocks(README)))(
    'gets on with: $title',
    async ({ block, command, shown }) => {
      if (command === undefined) {
        const path = join(home, block.file ?? '')
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, block.text)
        return
      }
      const print = await run(command)
      if (shown === undefined) return
      await expect.poll(async () => shapeOf(await print()), PATIENCE).toContain(shapeOf(shown))
    },
  )

  it('got the events of the simulator, whose webhook it created', async () => {
    const readStatus = async () => (await fetch(`${simulator?.url}/simulator/status`)).json()
    await expect.poll(readStatus, PATIENCE).toMatchObject({
      webhooks: [{ state: 'active', answers: { 200: expect.any(Number) } }],
    })
  })

  it('has handlers that are right for the compiler, and would hear of a misspelt field', async () => {
    const settings = {
      strict: true,
      noEmit: true,
      module: 'nodenext',
      target: 'es2022',
      skipLibCheck: true,
      types: ['node'],
      allowImportingTsExtensions: true,
    }
    writeFileSync(
      join(home, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: settings, include: ['handlers'] }),
    )
    await runShell('node_modules/.bin/tsc', options())
    const handler = join(home, 'handlers/hard-bounces.ts')
    writeFileSync(
      handler,
      readFileSync(handler, 'utf8').replace('event.bounce_category', 'event.bounce_categry'),
    )
    const wrong = startShell('node_modules/.bin/tsc', options())
    expect(await wrong.ended).not.toBe(0)
    expect(wrong.printed()).toContain("Did you mean 'bounce_category'?")
  })

  it('can stop the receiver with Ctrl-C', async () => {
    const running = receiver ?? expect.fail('Nothing runs.')
    await stopReceiver()
    expect(running.printed()).toContain('"msg":"stopped"')
  })

  it('has settings in the file that the receiver reads', () => {
    const settings = readSettings({
      cwd: home,
      env: {
        CONFIG_FILE: 'receiver.yaml',
        MT_TX_SECRET: 'a'.repeat(32),
        MT_TX_SECRET_OLD: 'b'.repeat(32),
        MAPI_SECRET: 'c'.repeat(32),
      },
      readFile: (path) => (path.startsWith('/run/') ? 'd'.repeat(32) : readFileSync(path, 'utf8')),
    })
    expect(settings.sources.map(({ name }) => name)).toEqual([
      'transactional',
      'audit',
      'mailingapi',
    ])
    expect(settings.handlers).toMatchObject([
      { concurrency: 20, retryDelaysMs: [5_000, 60_000, 600_000] },
    ])
  })
})

describe('the README', () => {
  const text = readFileSync(README, 'utf8')
  const tables = readTables(README)

  it('runs a lockfile and scripts that are there', () => {
    const lock: { packages: Record<string, { dependencies: unknown }> } =
      readJson('package-lock.json')
    expect(lock.packages['']?.dependencies).toEqual(MANIFEST.dependencies)
    for (const [, script = ''] of text.matchAll(/npm run (\w+)/g))
      expect(MANIFEST.scripts).toHaveProperty(script)
  })

  it('lists every setting with its default', () => {
    const rows = tables.get('variable')?.map(([name, value]) => [name, value])
    expect(rows).toEqual(
      SETTINGS.map((setting) => [
        `${setting.name}${setting.isSecret ? ' *' : ''}`,
        (setting.default ?? '–').replaceAll('`', ''),
      ]),
    )
  })

  it.each([
    ['of a source', ['sources', 'any']],
    ['of a handler', ['handlers', 0]],
  ])('lists every key %s', (title, path) => {
    expect(tables.get(title)?.map(([key]) => key)).toEqual(knownKeys(path))
  })

  it('lists every figure of GET /metrics', () => {
    expect(tables.get('figure')).toEqual(
      Object.values(METRICS).map(({ name, type, labels, help }) => [
        name,
        type,
        labels.join(', ') || '–',
        help,
      ]),
    )
  })

  it('lists every key of `on`', () => {
    for (const key of [...KNOWN_KEYS, 'activity_log.*']) expect(text).toContain(`\`${key}\``)
  })

  it('tells from which events of each provider a shared name comes', () => {
    const rows = tables.get('name')?.map(([name, ...types]) => [name, ...types.slice(0, 2)]) ?? []
    expect(rows.map(([name]) => name).sort()).toEqual([...NORMALISED_NAMES].sort())
    const nameOf = (provider: ProviderName, type = '') =>
      PROVIDERS[provider].describe({ [PROVIDERS[provider].nameField]: type })?.name
    for (const [name, ...types] of rows) {
      for (const [index, type] of types.entries()) {
        const provider = PROVIDER_NAMES[index] ?? expect.fail()
        if (type !== '–') expect(nameOf(provider, type), `${provider} ${type}`).toBe(name)
      }
    }
    const told = rows.flatMap(([, ...types]) => types).filter((type) => type !== '–')
    const shared = KNOWN_KEYS.filter((key) =>
      PROVIDER_NAMES.some((provider) => nameOf(provider, key) !== undefined),
    )
    expect(told.sort()).toEqual(shared.sort())
  })

  it('draws every state, and no other', () => {
    const [batch, event, job] = readBlocks(README)
      .filter(({ language }) => language === 'mermaid')
      .map(
        ({ text: diagram }) =>
          new Set([...diagram.matchAll(/--> (\w+)/g)].map(([, state]) => state)),
      )
    expect(batch).toEqual(new Set(['waiting', 'leased', 'unpacked']))
    expect(event).toEqual(new Set(EVENT_STATES))
    expect(job).toEqual(new Set(['pending', 'due', 'leased', 'done', 'dead']))
  })

  it('names the version of the package', () => {
    expect(text).toContain(`mailtrap-receiver-${MANIFEST.version}.tgz`)
  })
})

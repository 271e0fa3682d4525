import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findFreePort } from '../receive/find-free-port.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { type Block, BOOKS, ROOT, readBlocks, shapeOf, splitCommands } from './books.ts'
import { interrupt, kill, type Running, runShell, startShell } from './shell.ts'

const server = await findTestServer()
const PATIENCE = { interval: 100 }
const CHECKOUT = [
  '.build.mjs',
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'dist',
  'fixtures',
  'package-lock.json',
  'package.json',
  'src',
  'tsconfig.json',
]

/** A checkout after `npm ci`, in which a newcomer does what the books say. */
let home: string
let receiver: (Running & { url: string; adminUrl: string }) | undefined
let simulator: (Running & { url: string }) | undefined
let endpoint: Running | undefined
/** In the place of 8080, which may be taken. */
let endpointPort: number

const env = {
  // Short of the network, and away from receivers that run on this machine.
  npm_config_offline: 'true',
  npm_config_update_notifier: 'false',
  HOST: '127.0.0.1',
  PORT: '0',
  ADMIN_PORT: '0',
}

/** The database of a team that keeps its events as rows. */
let analyticsUrl = 'postgres://nobody@127.0.0.1:1/none'

beforeAll(async () => {
  endpointPort = await findFreePort()
  home = mkdtempSync(join(tmpdir(), 'books-'))
  // With the sources, of which `npm test` has made the build: it is not made again.
  for (const name of CHECKOUT) cpSync(join(ROOT, name), join(home, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'))
  mkdirSync(join(home, 'secrets'))
  if (server) analyticsUrl = await server.createDatabase()
  writeFileSync(join(home, 'analytics-url'), analyticsUrl)
  for (const name of ['secret', 'secrets/mailtrap']) {
    writeFileSync(join(home, name), '8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e\n')
  }
})
afterAll(async () => {
  for (const running of [receiver, simulator, endpoint]) {
    if (running) kill(running)
    await running?.ended
  }
  await server?.dropDatabase(analyticsUrl)
  rmSync(home, { recursive: true, force: true })
})

function options() {
  return { cwd: home, env: { ...env, HOME: home } }
}

/** With Ctrl-C. */
async function stopReceiver(): Promise<void> {
  if (receiver === undefined) return
  const { printed } = receiver
  await interrupt(receiver)
  if (printed().includes('"msg":"ready"')) expect(printed()).toContain('"msg":"stopped"')
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
  if (name === 'backup') return runOnce(withoutNpx(command))
  const here = command.replace('http://127.0.0.1:3000', receiver?.url ?? '')
  const address =
    name === 'send'
      ? `--url ${receiver?.url}/webhooks/mailtrap`
      : `--admin-url ${receiver?.adminUrl}`
  const again = () => runShell(`${withoutNpx(here)} ${address}`, options())
  let first: string | undefined = await again()
  return async () => {
    const printed = first ?? (await again())
    first = undefined
    return printed
  }
}

/** Runs beside the receiver, in another terminal. */
async function startSimulator(command: string): Promise<() => Promise<string>> {
  const running = startShell(`${withoutNpx(command)} --port 0`, options())
  simulator = { ...running, url: '' }
  await expect.poll(running.printed, PATIENCE).toContain('Ctrl-C ends it')
  simulator.url = /simulated at (http:[^,]+)/.exec(running.printed())?.[1] ?? ''
  return async () => running.printed()
}

/** Likewise. */
async function startEndpoint(command: string): Promise<() => Promise<string>> {
  const running = startShell(command, options())
  endpoint = running
  await expect.poll(running.printed, PATIENCE).toContain('Listening')
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

/** npx takes a second, and `check` has shown that it finds us. */
function withoutNpx(command: string): string {
  return command.replace('npx mailtrap-receiver', 'node dist/main.js')
}

/** npm takes half a second: it runs where nothing is set, elsewhere what its script says. */
function withoutNpm(command: string): string {
  const { scripts } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  return command.replace(/ npm start( --)?/, ` ${scripts.start}`)
}

async function runOnce(command: string): Promise<() => Promise<string>> {
  const printed = await runShell(command, options())
  return async () => printed
}

/** Into a database that is empty, with the receiver stopped. */
async function migrate(command: string): Promise<() => Promise<string>> {
  await stopReceiver()
  const { url } = await createTestDatabase(server ?? expect.fail('There is no PostgreSQL.'))
  writeFileSync(join(home, 'store-url'), url)
  return runOnce(withoutNpx(command))
}

/** Runs a line; answers how to see what it prints, now or, if it can be asked again, later. */
function run(command: string): Promise<() => Promise<string>> {
  const rest = command.replace(/^npm ci && /, '').replace(':8080/', `:${endpointPort}/`)
  if (rest.startsWith('node endpoint')) return startEndpoint(rest)
  if (/\bnpm (start|run demo)\b/.test(rest)) return startReceiver(withoutNpm(rest))
  if (rest.includes('mailtrap-receiver simulate')) return startSimulator(rest)
  if (rest.includes('mailtrap-receiver webhooks')) return createWebhook(rest)
  if (rest.includes('mailtrap-receiver migrate')) return migrate(rest)
  return rest.includes('npx mailtrap-receiver') ? runReceiverCommand(rest) : runOnce(rest)
}

interface Step {
  readonly title: string
  readonly block: Block
  readonly command?: string
  /** What the book shows below the command. */
  readonly shown?: string | undefined
}

function listSteps(blocks: readonly Block[]): Step[] {
  return blocks.flatMap((block, index): Step[] => {
    if (block.file !== undefined) return [{ title: `the file ${block.file}`, block }]
    if (block.language !== 'sh' || block.needs !== undefined) return []
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

describe('a newcomer who does what the books say', () => {
  it.for(BOOKS.flatMap((book) => listSteps(readBlocks(book))))(
    'gets on with: $title',
    async ({ block, command, shown }, { skip }) => {
      skip(!server && command?.includes(' migrate ') === true, 'There is no PostgreSQL.')
      if (command === undefined) {
        const path = join(home, block.file ?? '')
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, block.text.replace('listen(8080', `listen(${endpointPort}`))
        return
      }
      const print = await run(command)
      if (shown === undefined) return
      await expect.poll(async () => shapeOf(await print()), PATIENCE).toContain(shapeOf(shown))
    },
  )

  it('got the events of its sources at its endpoint, with the signature of the receiver', async () => {
    const { printed } = endpoint ?? expect.fail('No endpoint runs.')
    await expect.poll(printed, PATIENCE).toMatch(/^email\.delivered \S+@/m)
  })

  it('has rows in the table, of all that was sent', async ({ skip }) => {
    if (!server) return skip('There is no PostgreSQL.')
    const count = 'SELECT count(*)::int AS n FROM mail_events'
    const readCount = () => server.execute(analyticsUrl, count)
    await expect.poll(readCount, PATIENCE).toEqual([{ n: 100 }])
    const delivered = 'SELECT sum(delivered)::int AS n FROM mail_events_by_category'
    const [row] = await server.execute<{ n: number }>(analyticsUrl, delivered)
    expect(row?.n).toBeGreaterThan(0)
  })

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
    const text = readFileSync(join(home, 'handlers/hard-bounces.ts'), 'utf8')
    const misspelt = text.replace('event.bounce_category', 'event.bounce_categry')
    writeFileSync(join(home, 'handlers/misspelt.ts'), misspelt)
    const compiler = startShell('node_modules/.bin/tsc --pretty false', options())
    expect(await compiler.ended).not.toBe(0)
    const errors = compiler
      .printed()
      .split('\n')
      .filter((line) => line.includes('error TS'))
    expect(errors).toEqual([expect.stringMatching(/^handlers\/misspelt\.ts\(/)])
    expect(errors[0]).toContain("Did you mean 'bounce_category'?")
  })
})

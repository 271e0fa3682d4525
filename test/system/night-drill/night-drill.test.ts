import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import type { CauseJson, ProcessJson } from '../../../src/admin/api/stats-schema.ts'
import { startSink } from '../../alerts/start-sink.ts'
import { runCommand } from '../../cli/run-command.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { findFreePort } from '../../receive/find-free-port.ts'
import { sendSigned } from '../../receive/send-request.ts'
import { SECRET } from '../../receive/start-server.ts'
import { createAdminApi } from '../admin-api.ts'
import { preloadDisk } from '../failing-disk.ts'
import { startReceiver } from '../receiver-process.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const PATIENCE = { timeout: 90_000, interval: 250 }

/** What is wrong, in the order in which somebody should look at it: how it is said, and what to do. */
const FAULTS: Readonly<Record<string, readonly [text: RegExp, remedy: RegExp]>> = {
  not_ready: [/^Not accepting webhooks: the disk is full\./, /Free space on the disk/],
  'source_silent:quiet': [/^Nothing came from the source quiet for /, /webhook is active/],
  'handler_crashing:crashing': [/^The handler crashing is crashing: /, /stats shows why/],
  'jobs_dead:crm': [/^3 jobs of the handler crm are dead\./, /replay them, or discard them/],
  'handler_paused:counter': [/^The handler counter is paused: /, /handlers resume counter/],
}
const NAMES = Object.keys(FAULTS)

/** The settings of a receiver whose customer database is away, and one of whose sources is quiet. */
function writeSettings(folder: string, crmPort: number): string {
  const file = join(folder, '..', 'receiver.yaml')
  const secret = '{ env: MAILTRAP_SIGNING_SECRET }'
  writeFileSync(
    file,
    `sources:
  mailtrap: { provider: mailtrap, secrets: [${secret}] }
  quiet: { provider: mailtrap, secrets: [${secret}], silentAfter: 1m }
handlers:
  - module: ${here('./handlers/counter.mjs')}
  - module: ${here('./handlers/crashing.mjs')}
  - { forward: 'http://127.0.0.1:${crmPort}/hook', name: crm, events: [bounce], retry: none }
`,
  )
  return file
}

/** A receiver on its own, and all that somebody has who is called at night. */
async function startNight(disk: ReturnType<typeof preloadDisk>) {
  const crmPort = await findFreePort()
  const mendedFile = join(disk.folder, '..', 'mended')
  const alerts = await startSink()
  const receiver = await startReceiver(
    {
      ...{ DATA_DIR: disk.folder, CONFIG_FILE: writeSettings(disk.folder, crmPort), ...disk.env },
      ...{ MAILTRAP_SIGNING_SECRET: SECRET, ALERT_URL: alerts.url, MENDED_FILE: mendedFile },
    },
    { program: here('./receiver.mjs') },
  )
  const { publicUrl, adminUrl, child } = receiver
  const process = async () => (await (await fetch(`${adminUrl}/api/process`)).json()) as ProcessJson
  const command = async (...argv: readonly string[]) => {
    const { exitCode, out, err } = await runCommand([...argv, '--admin-url', adminUrl])
    expect(exitCode, err).toBe(0)
    return out
  }
  return {
    api: createAdminApi(adminUrl),
    crmPort,
    process,
    command,
    reload: () => child.kill('SIGHUP'),
    mendCode: () => writeFileSync(mendedFile, ''),
    send: async (source: string, types: readonly string[]) => {
      const events = types.map((event, n) => ({ event, event_id: `${source}-${event}-${n}` }))
      const body = JSON.stringify({ events })
      const port = Number(new URL(publicUrl).port)
      return (await sendSigned(port, body, { path: `/webhooks/${source}` })).status
    },
    alerts: () =>
      alerts.requests.map(
        ({ body }) => JSON.parse(body) as Record<'cause' | 'state' | 'since', string>,
      ),
    metrics: async (name: string) => {
      const lines = (await createAdminApi(adminUrl).metrics()).filter((line) =>
        line.startsWith(name),
      )
      return lines.map((line) => line.slice(name.length))
    },
    /** Time goes by, as fast as the receiver answers, until it is so. */
    timeGoesBy: (check: () => Promise<void>) =>
      vi.waitFor(async () => {
        await process()
        child.kill('SIGUSR2')
        await check()
      }, PATIENCE),
  }
}
type Night = Awaited<ReturnType<typeof startNight>>

async function breakFive(night: Night, disk: ReturnType<typeof preloadDisk>): Promise<void> {
  await night.command('handlers', 'pause', 'counter')
  expect(await night.send('mailtrap', ['open', 'bounce', 'bounce', 'bounce'])).toBe(200)
  await vi.waitFor(async () => {
    const { jobs } = await night.api.stats()
    expect(jobs['crm']?.dead).toBe(3)
    expect((await night.api.handlers())['crashing']?.restarts).toBeGreaterThan(2)
  }, PATIENCE)
  disk.fill()
  await vi.waitFor(async () => expect(await night.send('mailtrap', ['open'])).toBe(503), PATIENCE)
}

async function mendFive(night: Night, disk: ReturnType<typeof preloadDisk>): Promise<void> {
  disk.makeRoom()
  night.mendCode()
  night.reload()
  const crm = createServer((_request, response) => response.end()).listen(
    night.crmPort,
    '127.0.0.1',
  )
  onTestFinished(() => void crm.close())
  await vi.waitFor(async () => expect(await night.send('quiet', ['open'])).toBe(200), PATIENCE)
  await night.command('handlers', 'resume', 'counter')
  const { id } = (await night.api.events()).find(({ state }) => state === 'dead') ?? { id: '' }
  await night.command('jobs', 'discard', '--event', id, '--reason', 'The customer has left.')
  await night.command('replay', '--state', 'dead')
}

function labelsOf(name: string): string {
  const [cause, of = ''] = name.split(':')
  return `{cause="${cause}",of="${of}"}`
}

const namesOf = (causes: readonly CauseJson[]) => causes.map(({ cause }) => cause)

it('names five faults at once, wherever somebody looks, and each is gone once it is mended', async (context) => {
  const disk = preloadDisk(context)
  const night = await startNight(disk)
  const begunAt = Date.now()
  await breakFive(night, disk)

  await night.timeGoesBy(async () => {
    expect(namesOf((await night.process()).verdict)).toEqual(NAMES)
    const began = night.alerts().flatMap(({ cause, state }) => (state === 'began' ? [cause] : []))
    expect(began.sort()).toEqual([...NAMES].sort())
  })

  const { verdict } = await night.api.stats()
  expect(namesOf(verdict)).toEqual(NAMES)
  for (const { cause, text, remedy, since } of verdict) {
    const [said, todo] = FAULTS[cause] ?? []
    expect([text, remedy], cause).toEqual([
      expect.stringMatching(said!),
      expect.stringMatching(todo!),
    ])
    expect(Date.parse(since ?? ''), cause).toBeGreaterThanOrEqual(begunAt - 60_000)
    expect(night.alerts().find((one) => one.cause === cause)?.since, cause).toBe(since)
  }
  const said = await night.command('stats')
  for (const [cause, [text, remedy]] of Object.entries(FAULTS)) {
    const line = said.split('\n').find((one) => text.test(one)) ?? ''
    expect(line, cause).toMatch(/\. Since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\. /)
    expect(line, cause).toMatch(remedy)
  }
  expect(said).toMatch(/^counter +paused since \d{4}-\d\d-\d\d \d\d:\d\d/m)
  expect(said).toMatch(/^crashing .* exit code 3$/m)
  expect(await night.metrics('webhook_cause')).toEqual(
    expect.arrayContaining(NAMES.map((name) => `${labelsOf(name)} 1`)),
  )
  expect(await night.metrics('webhook_ready')).toEqual([' 0'])

  await mendFive(night, disk)

  await night.timeGoesBy(async () => {
    expect(await night.send('quiet', ['open'])).toBe(200)
    expect((await night.process()).verdict).toEqual([])
    const ended = night.alerts().flatMap(({ cause, state }) => (state === 'ended' ? [cause] : []))
    expect(ended).toEqual(expect.arrayContaining(NAMES))
  })
  expect(await night.command('stats')).toMatch(/^batches/)
  const figures = await night.metrics('webhook_cause')
  expect(figures.filter((line) => line.endsWith(' 1'))).toEqual([])
  expect(figures).toEqual(expect.arrayContaining(NAMES.map((name) => `${labelsOf(name)} 0`)))
  expect(await night.metrics('webhook_ready')).toEqual([' 1'])
  expect((await night.api.stats()).jobs['crm']).toEqual({
    ...{ pending: 0, retrying: 0, done: 2, dead: 0, discarded: 1 },
  })
}, 180_000)

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { type AdminApi, createAdminApi } from './admin-api.ts'
import { type ReceiverProcess, startReceiver } from './receiver-process.ts'
import { runWebhooks, startSimulatorProcess } from './simulator-process.ts'

/** `SIMULATED_EVENTS=20000 npx vitest run … test/system/simulator.test.ts` is the long variant. */
const EVENTS = Number(process.env['SIMULATED_EVENTS'] ?? 2_000)
/** Of MailingAPI, which sends each by itself. */
const SINGLES = EVENTS / 10
const RECORDER = fileURLToPath(new URL('./handlers/recorder.mjs', import.meta.url))
const REREAD = '"msg":"settings read again"'
const PATIENCE = { interval: 50 }
const RETRIES_LAST = '200m'
const ONE_RETRY_LESS = '195m'

/** A receiver that can be away and come back; its secrets are in files that others write. */
async function startParties(events: number) {
  const folder = mkdtempSync(join(tmpdir(), 'simulated-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const runsFile = join(folder, 'runs.jsonl')
  const files = {
    MAILTRAP_SIGNING_SECRET_FILE: join(folder, 'mailtrap'),
    MAILINGAPI_SIGNING_SECRET_FILE: join(folder, 'mailingapi'),
  }
  for (const file of Object.values(files)) writeFileSync(file, `${'0'.repeat(32)}\n`)
  writeFileSync(runsFile, '')
  const simulator = await startSimulatorProcess([
    '--seed',
    '1',
    '--events',
    String(events),
    '--over',
    '1m',
  ])
  const guardian = (ownPort: string) => ({
    PUBLIC_URL: `http://127.0.0.1:${ownPort}`,
    MAILTRAP_API_TOKEN: 'any',
    MAILTRAP_API_URL: simulator.url,
    GUARDIAN_RESUME: 'true',
    GUARDIAN_INTERVAL: '1s',
  })
  let port = '0'
  let receiver: ReceiverProcess
  let api: AdminApi

  const start = async () => {
    receiver = await startReceiver({
      ...files,
      MAILTRAP_SIGNING_SECRET: undefined,
      DATA_DIR: join(folder, 'data'),
      HANDLERS: RECORDER,
      RUNS_FILE: runsFile,
      PORT: port,
      ...(port !== '0' && guardian(port)),
    })
    port = new URL(receiver.publicUrl).port
    api = createAdminApi(receiver.adminUrl)
  }
  await start()

  return {
    simulator,
    files,
    comeBack: start,
    goAway: async () => {
      await api.whenIdle()
      receiver.child.kill('SIGKILL')
      await receiver.ended
    },
    webhookUrl: (source: string) => `${receiver.publicUrl}/webhooks/${source}`,
    manage: (...args: string[]) =>
      runWebhooks(args, {
        ...files,
        MAILTRAP_API_TOKEN: 'any',
        MAILINGAPI_API_TOKEN: 'any',
        MAILTRAP_API_URL: simulator.url,
        MAILINGAPI_API_URL: simulator.url,
      }),
    /** Resolves when the running receiver has read its settings again because of the change. */
    untilReread: async <Result>(change: () => Promise<Result> | Result): Promise<Result> => {
      const countReads = () => receiver.lines.filter((line) => line.includes(REREAD)).length
      const before = countReads()
      const result = await change()
      await expect.poll(countReads, PATIENCE).toBeGreaterThan(before)
      return result
    },
    /** Every event so far was handled, and none twice. */
    expectHandled: async (total: number) => {
      const { events } = await api.whenIdle()
      expect(events).toMatchObject({ total, by_state: { done: total } })
      const runs = readFileSync(runsFile, 'utf8').split('\n').filter(Boolean)
      const keys = new Set(runs.map((line) => JSON.parse(line)[0]))
      expect([runs.length, keys.size]).toEqual([total, total])
    },
  }
}

let made = 0
const mailtrapEvents = (count: number) =>
  Array.from({ length: count }, () => ({
    event: 'delivery',
    event_id: `own-${made++}`,
    timestamp: 1_767_225_600,
    email: 'user1@example.com',
    sending_stream: 'transactional',
  }))
const mailingApiEvents = (count: number) =>
  Array.from({ length: count }, () => ({
    id: `evt_own_${made++}`,
    type: 'delivered',
    timestamp: '2026-01-01T00:00:00Z',
    data: { message_id: 'msg_1', to: 'user1@example.com' },
  }))

describe('with simulated providers and real processes', {
  timeout: 600_000,
  concurrent: true,
}, () => {
  it('handles all that Mailtrap sends once: new webhooks, outages, a reset secret', async () => {
    const parties = await startParties(EVENTS / 2)
    const { simulator, files, manage, untilReread, expectHandled } = parties

    // Both path forms, both payload formats; the receiver runs on.
    const url = parties.webhookUrl('mailtrap')
    const soon = ['--events', 'delivery,soft_bounce,bounce']
    const json = await untilReread(() => manage('create', '--url', url, ...soon))
    const lines = ['--stream', 'bulk', '--format', 'jsonlines', '--account', '4711']
    await untilReread(() => manage('create', '--url', url, ...lines))
    await simulator.advance('9d')
    await expectHandled(EVENTS)
    expect((await simulator.webhook('mailtrap/9002')).kind).toContain('jsonlines')

    // Away for 39 retries: the fortieth finds it.
    await parties.goAway()
    await simulator.post(mailtrapEvents(600), 'mailtrap')
    await simulator.advance('30s')
    await simulator.advance(ONE_RETRY_LESS)
    await parties.comeBack()
    await simulator.advance('5m')
    await expectHandled(EVENTS + 600)
    expect(await simulator.webhook('mailtrap/9001')).toMatchObject({
      state: 'active',
      events_queued: 0,
    })

    // Away for all of them: paused, which the guardian notices and mends.
    await parties.goAway()
    await simulator.post(mailtrapEvents(100), 'mailtrap')
    await simulator.advance('30s')
    await simulator.advance(RETRIES_LAST)
    await simulator.advance('1h')
    expect(await manage('get', String(json.id))).toMatchObject({ active: false })
    await parties.comeBack()
    await expect
      .poll(() => manage('get', String(json.id)), PATIENCE)
      .toMatchObject({ active: true })
    await simulator.advance('30s')
    await expectHandled(EVENTS + 700)

    // A reset secret: refused until it is added here, then nothing is missing.
    const secret = await simulator.resetSecret('mailtrap/9001')
    await simulator.post(mailtrapEvents(100), 'mailtrap')
    await simulator.advance('30s')
    const { answers } = await simulator.webhook('mailtrap/9001')
    expect(answers['401']).toBe(1)
    const known = readFileSync(files.MAILTRAP_SIGNING_SECRET_FILE, 'utf8')
    await untilReread(() => writeFileSync(files.MAILTRAP_SIGNING_SECRET_FILE, `${secret},${known}`))
    await simulator.advance('5m')
    await expectHandled(EVENTS + 800)
  })

  it('handles all that MailingAPI sends once: a new webhook, outages, a reset secret', async () => {
    const parties = await startParties(SINGLES)
    const { simulator, files, manage, untilReread, expectHandled } = parties
    const url = parties.webhookUrl('mailingapi')
    const create = ['create', '--provider', 'mailingapi', '--url', url]
    const { id } = await untilReread(() => manage(...create))
    const key = `mailingapi/${id}`
    await simulator.advance('9d')
    await expectHandled(SINGLES)

    await parties.goAway()
    await simulator.post(mailingApiEvents(5), 'mailingapi')
    await simulator.advance('1s')
    await simulator.advance(ONE_RETRY_LESS)
    expect(await simulator.webhook(key)).toMatchObject({ state: 'failing', events_queued: 5 })
    await parties.comeBack()
    await simulator.advance('5m')
    await expectHandled(SINGLES + 5)
    expect(await simulator.webhook(key)).toMatchObject({ state: 'active' })

    const secret = await simulator.resetSecret(key)
    await simulator.post(mailingApiEvents(5), 'mailingapi')
    await simulator.advance('1s')
    expect((await simulator.webhook(key)).answers['401']).toBe(5)
    const known = readFileSync(files.MAILINGAPI_SIGNING_SECRET_FILE, 'utf8')
    await untilReread(() =>
      writeFileSync(files.MAILINGAPI_SIGNING_SECRET_FILE, `${secret},${known}`),
    )
    await simulator.advance('5m')
    await expectHandled(SINGLES + 10)
  })
})

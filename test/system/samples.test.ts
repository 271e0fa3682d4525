import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EventDetailJson } from '../../src/admin/api/events.ts'
import type { ProviderName } from '../../src/model.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import { sendRequest } from '../receive/send-request.ts'
import { SECRET } from '../receive/start-server.ts'
import { MAILINGAPI_SAMPLES, MAILTRAP_SAMPLES, type SampleOutcome } from './sample-outcomes.ts'
import { normalisedRun, typedRun } from './sample-runs.ts'
import { startApp, type TestApp } from './start-app.ts'

const PAYLOADS = new URL('../../fixtures/payloads/', import.meta.url)
const HANDLED = ['done', 'unhandled', 'conflict']

interface Received {
  readonly events: readonly EventDetailJson[]
  readonly quarantine: readonly { readonly entry: string; readonly bytes: Buffer }[]
}

const readSample = (provider: string, name: string) =>
  readFileSync(new URL(`${provider}/${name}`, PAYLOADS))

const toText = (run: unknown) => JSON.stringify(run)

let app: TestApp
const statuses = new Map<string, number>()
const received = new Map<string, Received>()

async function send(provider: ProviderName, name: string): Promise<[string, string]> {
  const body = readSample(provider, name)
  const source = { secrets: [SECRET], secretForm: 'raw' } as const
  const headers = {
    'content-type': name.endsWith('l') ? 'application/jsonl' : 'application/json',
    ...PROVIDERS[provider].sign(body, source, Date.now()),
  }
  const path = `/webhooks/${provider}`
  const { status, text } = await sendRequest(app.port, { path, headers, body })
  statuses.set(`${provider}/${name}`, status)
  return [JSON.parse(text).batch, `${provider}/${name}`]
}

async function readBatch(batch: string): Promise<Received> {
  const events = (await app.api.events()).filter((event) => event.batch === batch)
  const pieces = (await app.api.quarantine()).filter((piece) => piece.batch === batch)
  return {
    events: await Promise.all(events.map(({ id }) => app.api.event(id))),
    quarantine: await Promise.all(
      pieces.map(async ({ id, position, reason }) => ({
        entry: `${position} ${reason}`,
        bytes: await app.api.quarantineBody(id),
      })),
    ),
  }
}

/** The members of a sample, read without any code of the receiver; undefined: no JSON. */
function membersOf(body: Buffer, name: string): unknown[] | undefined {
  const text = body.toString()
  if (name.endsWith('.jsonl'))
    return text
      .split(/\r?\n/)
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  if (!name.endsWith('.json')) return undefined
  const whole = JSON.parse(text)
  return Array.isArray(whole) ? whole : (whole.events ?? [whole])
}

const moduleOf = (file: string) => fileURLToPath(new URL(`./handlers/${file}`, import.meta.url))

function doneEvents(): EventDetailJson[] {
  const all = [...received.values()].flatMap((batch) => batch.events)
  return all.filter(({ state }) => state === 'done')
}

beforeAll(async () => {
  const files = ['recorder.mjs', 'typed.ts', 'normalised.ts']
  app = await startApp({ HANDLERS: files.map(moduleOf).join(',') })
  const batches: [string, string][] = []
  for (const name of Object.keys(MAILTRAP_SAMPLES)) batches.push(await send('mailtrap', name))
  for (const name of Object.keys(MAILINGAPI_SAMPLES)) batches.push(await send('mailingapi', name))
  await app.api.whenIdle()
  for (const [batch, sample] of batches) received.set(sample, await readBatch(batch))
})
afterAll(() => app.stop())

describe.each([
  ['mailtrap', MAILTRAP_SAMPLES],
  ['mailingapi', MAILINGAPI_SAMPLES],
] as const)('the samples of %s, signed and sent to the whole receiver', (provider, samples) => {
  it('are all sent', () => {
    const files = readdirSync(new URL(provider, PAYLOADS))
    expect(Object.keys(samples).sort()).toEqual(
      files.filter((name) => name !== 'request.headers.json').sort(),
    )
  })

  it.each(Object.entries<SampleOutcome>(samples))('%s', (name, expected) => {
    const body = readSample(provider, name)
    const { events, quarantine } = received.get(`${provider}/${name}`) as Received

    expect(statuses.get(`${provider}/${name}`)).toBe(200)
    expect(events.map(({ position, type, state }) => `${position} ${type}: ${state}`)).toEqual(
      expected.events,
    )
    expect(quarantine.map(({ entry }) => entry)).toEqual(expected.quarantine ?? [])
    // The exact bytes: a piece of the body that says the same as the member at its position.
    const members = membersOf(body, name)
    for (const { payload, position } of events) {
      expect(body.includes(payload)).toBe(true)
      if (members) expect(JSON.parse(payload)).toEqual(members[position])
      else expect(payload.trim()).toBe(payload)
    }
    for (const { bytes } of quarantine) expect(body.includes(bytes)).toBe(true)
    for (const { state, jobs, name: sharedName } of events) {
      expect(HANDLED).toContain(state)
      const handlers = ['recorder', 'typed', ...(sharedName === null ? [] : ['normalised'])]
      expect(jobs.map((job) => `${job.handler} ${job.state} ${job.attempt}`).sort()).toEqual(
        state === 'done' ? handlers.sort().map((handler) => `${handler} done 1`) : [],
      )
    }
  })
})

it('runs the handler once for every event that is done, and for no other', async () => {
  const { events } = await app.api.stats()
  const runs = app.runs()
  expect(new Set(runs.map(([key]) => key)).size).toBe(runs.length)
  expect(runs).toHaveLength(events.by_state.done)
  const done = doneEvents()
  expect(runs.map(([, type]) => type).sort()).toEqual(done.map(({ type }) => type).sort())
})

it('gives each of them to the function of its own key, with the fields of its type', () => {
  const runs = app.lines('typed').map(toText)
  expect(runs.sort()).toEqual(doneEvents().map(typedRun).map(toText).sort())
})

it('gives those of an e-mail, in the form shared by all providers, to a handler that asks so', () => {
  const expected = doneEvents()
    .map(normalisedRun)
    .filter((run) => run !== undefined)
  const names = new Set(expected.map(([name]) => name))
  expect(names.size).toBe(9 + 7)
  expect(app.lines('normalised').map(toText).sort()).toEqual(expected.map(toText).sort())
})

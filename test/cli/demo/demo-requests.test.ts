import { createHmac } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { StatsJson } from '../../../src/admin/api/stats-schema.ts'
import { describeDemo } from '../../../src/cli/demo.ts'
import { checkDemo, readDemoRequests } from '../../../src/cli/exercise-demo.ts'
import { PROVIDERS } from '../../../src/providers/providers.ts'
import { source } from '../../receive/start-server.ts'
import { runCommand } from '../run-command.ts'

const samples = readDemoRequests(pathToFileURL('fixtures/requests/'))

describe('mailtrap-receiver demo --once', () => {
  it('ends with 1 when it is stopped before the samples were handled', async () => {
    const { exitCode, err } = await runCommand(['demo', '--once'], { stopped: AbortSignal.abort() })
    expect(exitCode).toBe(1)
    expect(err).toContain('error: Stopped before the samples were handled.')
  })
})

describe('the recorded requests of the demo', () => {
  it.each(samples.requests)('hold the signature they must: $title', (request) => {
    const { body, signature, answer } = request
    const own = source({ secrets: [samples.secret] })
    const position = PROVIDERS.mailtrap.verify(body, signature, own, 0)
    expect(position).toBe(answer === 200 ? 0 : -1)
    const digest = createHmac('sha256', samples.secret).update(body).digest('hex')
    expect(digest === signature).toBe(answer === 200)
  })

  it('show JSON, JSON Lines, a duplicate, an unreadable line and a wrong signature', () => {
    const types = new Set(samples.requests.map((request) => request.content_type))
    expect(types).toEqual(new Set(['application/json', 'application/jsonl']))
    expect(samples.requests.some((request) => request.duplicates > 0)).toBe(true)
    expect(samples.requests.some((request) => request.quarantined > 0)).toBe(true)
    expect(samples.requests.some((request) => request.answer === 401)).toBe(true)
  })
})

describe('checkDemo', () => {
  const sent = samples.requests.map((request) => ({ request, status: request.answer }))
  const jobs = Object.fromEntries(
    Object.entries(samples.handlers).map(([name, done]) => [name, { done, pending: 0, dead: 0 }]),
  )
  const stats = {
    batches: { refused_by_reason: { signature: 1 } },
    events: { total: 23 },
    duplicates: 12,
    quarantined: 1,
    jobs,
  } as unknown as StatsJson

  it('is content when everything came as it must', () => {
    expect(checkDemo(samples, sent, stats).filter(({ isMet }) => !isMet)).toEqual([])
  })

  it.each([
    ['an answer', { sent: [{ ...sent[0]!, status: 503 }, ...sent.slice(1)], stats }],
    ['a lost event', { sent, stats: { ...stats, events: { total: 22 } } }],
    ['a duplicate that was stored', { sent, stats: { ...stats, duplicates: 11 } }],
    ['a line that got lost', { sent, stats: { ...stats, quarantined: 0 } }],
    ['a handler that never ran', { sent, stats: { ...stats, jobs: {} } }],
    [
      'a dead job',
      {
        sent,
        stats: { ...stats, jobs: { ...jobs, engagement: { done: 6, pending: 0, dead: 1 } } },
      },
    ],
    [
      'a request that was not refused',
      { sent, stats: { ...stats, batches: { refused_by_reason: { signature: 0 } } } },
    ],
  ])('notices %s', (_what, given) => {
    const judged = checkDemo(samples, given.sent, given.stats as unknown as StatsJson)
    expect(judged.filter(({ isMet }) => !isMet)).toHaveLength(1)
  })
})

describe('describeDemo', () => {
  it('shows what a handler did with one event', () => {
    const stats = { jobs: {}, events: { by_state: { unhandled: 9 } } } as unknown as StatsJson
    const alerts = ['12:06:40 user.login by Ann', '12:06:50 user.updated by Ann']
    const result = { webhookUrl: '', adminUrl: '', sent: [], stats, expectations: [], alerts }
    const text = describeDemo(result, (_colour, painted) => painted)
    expect(text).toContain('audit-alert wrote into its file\n  12:06:40 user.login by Ann\n')
    expect(text).not.toContain('12:06:50')
  })
})

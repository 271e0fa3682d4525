import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { ERRORS } from '../../src/errors.ts'
import { METRICS } from '../../src/observe/metric-list.ts'
import { REFUSAL_REASONS } from '../../src/observe/observer.ts'
import { sendRequest, sendSigned } from '../receive/send-request.ts'
import { readNames } from './promql.ts'
import { startApp, type TestApp } from './start-app.ts'

const read = (name: string) =>
  readFileSync(new URL(`../../fixtures/deploy/${name}`, import.meta.url), 'utf8')

let app: TestApp
/** What a receiver answers that has received and refused something. */
let lines: string[]

beforeAll(async () => {
  app = await startApp()
  const events = ['bounce', 'never heard of', 'activity_log.user.login'].map((event, n) =>
    JSON.stringify({ event, event_id: `id-${n}` }),
  )
  await sendSigned(app.port, `${events.join('\n')}\nno JSON`)
  await sendSigned(app.port, `{"events":[${events[0]}]}`)
  await sendRequest(app.port, { headers: { 'mailtrap-signature': 'a'.repeat(64) }, body: '{}' })
  await app.api.whenIdle()
  await vi.waitFor(
    async () => {
      lines = await app.api.metrics()
      // Some are told along with a later answer of another thread, or are read from time to time.
      const series = Object.keys(FIGURES)
      expect(Object.fromEntries(series.map((one) => [one, figureOf(lines, one)]))).toEqual(FIGURES)
      expect(figureOf(lines, REPEATABLE)).toBeGreaterThanOrEqual(2)
      expect(figureOf(lines, DURABLE)).toBeGreaterThanOrEqual(2)
      expect(figureOf(lines, SYNCS)).toBe(figureOf(lines, DURABLE))
    },
    { interval: 100 },
  )
})
afterAll(() => app.stop())

const REPEATABLE = 'webhook_store_commit_seconds_count{durable="false"}'
const DURABLE = 'webhook_store_commit_seconds_count{durable="true"}'
const SYNCS = 'webhook_store_sync_seconds_count'
/** What it tells once all of that is counted. */
const FIGURES = {
  'webhook_requests_total{source="mailtrap",outcome="received"}': 2,
  'webhook_requests_total{source="mailtrap",outcome="signature"}': 1,
  'webhook_requests_total{source="mailingapi",outcome="received"}': 0,
  'webhook_verified_total{source="mailtrap",secret="0"}': 2,
  'webhook_ack_seconds_count{source="mailtrap"}': 2,
  'webhook_events_total{source="mailtrap",type="bounce",outcome="stored"}': 1,
  'webhook_events_total{source="mailtrap",type="bounce",outcome="duplicate"}': 1,
  'webhook_events_total{source="mailtrap",type="other",outcome="stored"}': 1,
  'webhook_events_total{source="mailtrap",type="activity_log.*",outcome="stored"}': 1,
  'webhook_quarantined_total{source="mailtrap"}': 1,
  'webhook_jobs{handler="recorder",state="dead"}': 0,
  'webhook_handler_running{handler="recorder"}': 1,
  'webhook_handler_restarts_total{handler="recorder",cause="failure"}': 0,
  webhook_backlog: 0,
  webhook_ready: 1,
  webhook_store_up: 1,
  'webhook_build_info{version="test"}': 1,
  'webhook_attempt_seconds_count{handler="recorder",outcome="done"}': 3,
}

function figureOf(from: readonly string[], series: string): number {
  return Number(from.find((line) => line.startsWith(`${series} `))?.slice(series.length + 1))
}

describe('GET /metrics', () => {
  it.each(Object.entries(FIGURES))('tells %s', (series, value) => {
    expect(figureOf(lines, series)).toBe(value)
  })

  it('tells of commits, which happen in another thread', () => {
    expect(figureOf(lines, DURABLE)).toBeGreaterThanOrEqual(2)
    expect(figureOf(lines, SYNCS)).toBe(figureOf(lines, DURABLE))
  })
})

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string }
}

const rules = parse(read('prometheus-rules.yaml')).groups.flatMap(
  ({ rules: own }: { rules: Rule[] }) => own,
) as Rule[]

/** Every expression of the dashboard, wherever it stands. */
function findExpressions(node: unknown, above = ''): [title: string, expression: string][] {
  if (typeof node !== 'object' || node === null) return []
  const { title = above, expr, definition } = node as Record<string, string | undefined>
  const own = [expr, definition].flatMap((text) => (text === undefined ? [] : [text]))
  return [
    ...own.map((text): [string, string] => [title, text]),
    ...Object.values(node).flatMap((inner) => findExpressions(inner, title)),
  ]
}

const dashboard = findExpressions(JSON.parse(read('grafana-dashboard.json')))

/** What Prometheus adds. */
const OWN_LABELS = ['instance', 'job']
const VALUES: Readonly<Record<string, readonly string[]>> = {
  outcome: [
    ...['received', ...REFUSAL_REASONS, 'stored', 'duplicate', 'conflict', 'stale'],
    ...['done', 'retry', 'dead'],
  ],
  state: ['pending', 'dead', 'paused', 'active'],
  cause: ['planned', 'failure', ...readKinds()],
  code: Object.keys(ERRORS),
  durable: ['true', 'false'],
}

/** What a person can be needed for, as the table of causes spells it. */
function readKinds(): string[] {
  return ['causes', 'store-causes', 'webhook-causes'].flatMap((name) => {
    const source = readFileSync(new URL(`../../src/alerts/${name}.ts`, import.meta.url), 'utf8')
    return [...source.matchAll(/\bcause: ['`]([a-z_]+)/g)].map(([, kind = '']) => kind)
  })
}

/** The series of a running receiver by name: `_bucket`, `_sum` and `_count` for a histogram. */
function labelsBySeries(): Map<string, readonly string[]> {
  const answered = new Set(lines.flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []))
  const series = Object.values(METRICS)
    .filter(({ name }) => answered.has(name))
    .flatMap(({ name, type, labels }): [string, readonly string[]][] =>
      type === 'histogram'
        ? [
            [`${name}_bucket`, [...labels, 'le']],
            [`${name}_sum`, labels],
            [`${name}_count`, labels],
          ]
        : [[name, labels]],
    )
  return new Map(series)
}

describe.each([
  ['prometheus-rules.yaml', rules.map(({ alert, expr }): [string, string] => [alert, expr])],
  ['grafana-dashboard.json', dashboard],
])('%s', (_file, expressions) => {
  it('uses names, labels and values that a receiver has', () => {
    const known = labelsBySeries()
    expect(expressions.length).toBeGreaterThan(15)
    for (const [title, expression] of expressions) {
      const { metrics, labels, values } = readNames(expression)
      expect([...known.keys()], `${title}: ${expression}`).toEqual(
        expect.arrayContaining(metrics as string[]),
      )
      const allowed = [...OWN_LABELS, ...metrics.flatMap((name) => known.get(name) ?? [])]
      expect(allowed, `${title}: ${expression}`).toEqual(expect.arrayContaining(labels as string[]))
      for (const [label, value] of values) {
        if (VALUES[label]) expect(VALUES[label], `${title}: ${expression}`).toContain(value)
      }
    }
  })
})

describe('the alerts', () => {
  it('say how long, how bad, and what to do', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
    for (const { alert, for: duration, labels, annotations } of rules) {
      expect(duration, alert).toMatch(/^\d+[mhd]$/)
      expect(['critical', 'warning', 'info'], alert).toContain(labels.severity)
      // What is, and what to do.
      expect(annotations.summary.split(/[.;:] /).length, alert).toBeGreaterThan(1)
      for (const [, label = ''] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) {
        const { labels: given, metrics } = readNames(
          rules.find((one) => one.alert === alert)?.expr ?? '',
        )
        const own = metrics.flatMap((name) => labelsBySeries().get(name) ?? [])
        expect([...OWN_LABELS, ...given, ...own], alert).toContain(label)
      }
    }
  })
})

describe('the dashboard', () => {
  it('shows every figure', () => {
    const shown = new Set(dashboard.flatMap(([, expression]) => readNames(expression).metrics))
    const isShown = (name: string) =>
      ['', '_bucket', '_sum', '_count'].some((suffix) => shown.has(name + suffix))
    expect(Object.values(METRICS).filter(({ name }) => !isShown(name))).toEqual([])
  })
})

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { onTestFinished } from '../on-test-finished.ts'

const RULES = fileURLToPath(new URL('../../fixtures/deploy/prometheus-rules.yaml', import.meta.url))

/** Series by name and labels, with their values minute by minute, in promtool's notation. */
type Series = Readonly<Record<string, string>>

const RECEIVED = 'webhook_requests_total{source="mailtrap",outcome="received",instance="a"}'
const REFUSED = 'webhook_requests_total{source="mailtrap",outcome="signature",instance="a"}'
const BUILD = 'webhook_build_info{version="1",instance="a"}'
const UP: Series = { [BUILD]: '1x3000' }

/** Two days without a fault. */
const WELL: Series = {
  ...UP,
  [RECEIVED]: '0+10x3000',
  [REFUSED]: '0x3000',
  'webhook_requests_total{source="mailtrap",outcome="address_genuine",instance="a"}': '0x3000',
  'webhook_requests_total{source="unknown",outcome="unknown_source",instance="a"}': '0+1x3000',
  'webhook_ack_seconds_bucket{source="mailtrap",le="0.005",instance="a"}': '0+10x3000',
  'webhook_ack_seconds_bucket{source="mailtrap",le="+Inf",instance="a"}': '0+10x3000',
  'webhook_ready{instance="a"}': '1x3000',
  'webhook_cause{cause="handler_paused",of="crm",instance="a"}': '0x3000',
  'webhook_store_up{instance="a"}': '1x3000',
  'webhook_jobs{handler="crm",state="dead",instance="a"}': '3x3000',
  'webhook_oldest_pending_seconds{instance="a"}': '40x3000',
  'webhook_waiting_batches{instance="a"}': '2x3000',
  'webhook_handler_running{handler="crm",instance="a"}': '1x3000',
  'webhook_handler_restarts_total{handler="crm",cause="failure",instance="a"}': '0x3000',
  'webhook_handler_restarts_total{handler="crm",cause="planned",instance="a"}': '0+1x3000',
  'webhook_quarantined_total{source="mailtrap",instance="a"}': '0x3000',
  'webhook_verified_total{source="mailtrap",secret="0",instance="a"}': '0+10x3000',
  'webhook_spool_batches{instance="a"}': '0x3000',
  'webhook_prune_held_back{instance="a"}': '0x3000',
  'webhook_database_oldest_transaction_seconds{pid="",application="",instance="a"}': '2x3000',
  'webhook_spool_refused_batches{instance="a"}': '0x3000',
  'webhook_data_disk_used_ratio{instance="a"}': '0.5x3000',
  'webhook_guardian_webhooks{state="paused",instance="a"}': '0x3000',
  'webhook_guardian_problems{instance="a"}': '0x3000',
}

/** What goes wrong, and after how many minutes which alert must have told of it, and no other. */
const FAULTS: readonly [alert: string, minutes: number, fault: Series][] = [
  ['WebhookReceiverDown', 15, { [BUILD]: '1x2 _x30' }],
  [
    'WebhookSomebodyNeeded',
    40,
    { 'webhook_cause{cause="handler_paused",of="crm",instance="a"}': '0x5 1x60' },
  ],
  ['WebhookNotReady', 5, { 'webhook_ready{instance="a"}': '1x1 0x30' }],
  ['WebhookNotReceiving', 1_720, { [RECEIVED]: '0+10x1500 15000x500' }],
  ['WebhookRetryLimitNear', 260, { [RECEIVED]: '0+10x100 1000x300', [REFUSED]: '0x100 0+1x300' }],
  ['WebhookPaused', 10, { 'webhook_guardian_webhooks{state="paused",instance="a"}': '0x2 1x30' }],
  ['WebhookDiffers', 20, { 'webhook_guardian_problems{instance="a"}': '0x2 1x30' }],
  ['WebhookRefusalsRising', 30, { [RECEIVED]: '0+10x60', [REFUSED]: '0x5 0+2x60' }],
  [
    'WebhookGenuineRefused',
    10,
    {
      'webhook_requests_total{source="mailtrap",outcome="address_genuine",instance="a"}':
        '0x2 1x30',
    },
  ],
  [
    'WebhookUnknownRefused',
    60,
    { 'webhook_requests_total{source="unknown",outcome="proxy_protocol",instance="a"}': '0+3x90' },
  ],
  [
    'WebhookSlowAck',
    40,
    {
      'webhook_ack_seconds_bucket{le="5",instance="a"}': '0x60',
      'webhook_ack_seconds_bucket{le="10",instance="a"}': '0+5x60',
      'webhook_ack_seconds_bucket{le="+Inf",instance="a"}': '0+5x60',
    },
  ],
  ['WebhookStoreAway', 15, { 'webhook_store_up{instance="a"}': '1x2 0x30' }],
  [
    'WebhookStoreFailing',
    10,
    { 'webhook_store_failures_total{code="store_busy",instance="a"}': '0+1x30' },
  ],
  ['WebhookBacklogOld', 20, { 'webhook_oldest_pending_seconds{instance="a"}': '3600+60x60' }],
  ['WebhookUnpackingBehind', 20, { 'webhook_waiting_batches{instance="a"}': '150x60' }],
  ['WebhookDeadJobs', 8, { 'webhook_jobs{handler="crm",state="dead",instance="a"}': '0x5 500x30' }],
  ['WebhookHandlerDown', 10, { 'webhook_handler_running{handler="crm",instance="a"}': '1x2 0x30' }],
  [
    'WebhookHandlerRestarting',
    15,
    {
      'webhook_handler_restarts_total{handler="crm",cause="failure",instance="a"}': '0+1x60',
    },
  ],
  [
    'WebhookSpoolWaiting',
    20,
    {
      'webhook_spool_batches{instance="a"}': '0x2 5x60',
      'webhook_spool_refused_batches{instance="a"}': '0x60',
    },
  ],
  [
    'WebhookSpoolFilling',
    10,
    {
      'webhook_spool_batches{instance="a"}': '0x2 5x60',
      'webhook_data_disk_used_ratio{instance="a"}': '0.7x2 0.85x60',
    },
  ],
  ['WebhookSpoolRefused', 20, { 'webhook_spool_refused_batches{instance="a"}': '0x2 1x60' }],
  ['WebhookDiskFilling', 20, { 'webhook_data_disk_used_ratio{instance="a"}': '0.7x2 0.95x60' }],
  [
    'WebhookTransactionForgotten',
    12,
    {
      'webhook_database_oldest_transaction_seconds{pid="",application="",instance="a"}': '0x5 _x30',
      'webhook_database_oldest_transaction_seconds{pid="7",application="etl",instance="a"}':
        '_x5 65+60x30',
    },
  ],
  ['WebhookPruneHeldBack', 20, { 'webhook_prune_held_back{instance="a"}': '0x5 1x60' }],
  [
    'WebhookQuarantine',
    12,
    { 'webhook_quarantined_total{source="mailtrap",instance="a"}': '0x5 1x60' },
  ],
  [
    'WebhookOldSecret',
    1_500,
    { 'webhook_verified_total{source="mailtrap",secret="1",instance="a"}': '0+1x3000' },
  ],
]

/** Where Prometheus' own program is not installed, these do not run; Debian has it in `prometheus`. */
function hasPromtool(): boolean {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    console.warn(
      '\nSKIPPED: the alerts are not tried, for want of promtool (package prometheus).\n',
    )
    return false
  }
}

/** Throws with what promtool says when others than `alerts` fire after so many minutes. */
function expectFiring(alerts: readonly string[], minutes: number, series: Series): void {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-alerts-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'alerts.yaml')
  const firing = {
    expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
    eval_time: `${minutes}m`,
    exp_samples: alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
  }
  const test = {
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [firing],
  }
  writeFileSync(file, stringify({ rule_files: [RULES], tests: [test] }))
  execFileSync('promtool', ['test', 'rules', file], { encoding: 'utf8', stdio: 'pipe' })
}

describe.skipIf(!hasPromtool())('the alerts, as Prometheus understands them', () => {
  it.each(FAULTS)('tell in time: %s', (alert, minutes, fault) =>
    expectFiring([alert], minutes, { ...UP, ...fault }),
  )

  it('are one for each fault that is tried here', () => {
    const names = FAULTS.map(([alert]) => alert)
    const out = execFileSync('promtool', ['check', 'rules', RULES], { encoding: 'utf8' })
    expect(out).toContain(`SUCCESS: ${names.length} rules found`)
  })

  it('are silent while all is well, by day and by night', () => {
    for (const minutes of [60, 2_900]) expectFiring([], minutes, WELL)
  })
})

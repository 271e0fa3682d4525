import { describe, expect, it } from 'vitest'
import { createObserver } from '../../src/observe/create-observer.ts'
import type { Observer } from '../../src/observe/observer.ts'
import { captureLog } from './captured-log.ts'

const OUTAGE = { beganAt: 1, durationMs: 900_400, retriesUsed: 3, retriesLimit: 40 }
const TOLD = { seconds: 900, retriesUsed: 3, retriesLimit: 40 }
const failed = (code: string) => (observer: Observer) =>
  observer.guardianFailed({ code, detail: 'why', nextLookMs: 60_400 })

describe('what happens to the guardian', () => {
  type Row = [name: string, happen: (observer: Observer) => void, level: string, fields: object]
  it.each<Row>([
    [
      'a wrong webhook',
      (it) => it.webhooksWrong({ problems: [{ webhook: 1, source: 's', text: 'paused' }] }),
      'error',
      { webhook: 1, source: 's', problem: 'paused' },
    ],
    ['webhooks that are right', (it) => it.webhooksRight({ webhooks: 2 }), 'info', { webhooks: 2 }],
    [
      'a resumed webhook',
      (it) => it.webhookResumed({ webhook: 1, source: 's' }),
      'warn',
      { webhook: 1, source: 's' },
    ],
    ['a provider that is away', failed('away'), 'warn', { reason: 'away', nextLookSeconds: 60 }],
    ['a token that is refused', failed('unauthorized'), 'error', { reason: 'unauthorized' }],
    ['the end of an outage', (it) => it.outageEnded(OUTAGE), 'warn', TOLD],
    ['an outage that lasts too long', (it) => it.outageNearsLimit(OUTAGE), 'error', TOLD],
  ])('logs %s', (_name, happen, level, fields) => {
    const { log, lines } = captureLog()
    happen(createObserver({ log, now: () => 1_000_000 }))
    expect(lines()).toMatchObject([{ level, ...fields }])
  })
})

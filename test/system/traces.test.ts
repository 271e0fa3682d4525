import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { findFreePort } from '../receive/find-free-port.ts'
import { sendSigned } from '../receive/send-request.ts'
import { startCollector } from './collector.ts'
import { startReceiver } from './receiver-process.ts'

const PICKY = fileURLToPath(new URL('./handlers/picky.mjs', import.meta.url))

async function startTraced(env: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'traces-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const receiver = await startReceiver({
    DATA_DIR: folder,
    HANDLERS: PICKY,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    ...env,
  })
  const port = Number(new URL(receiver.publicUrl).port)
  /** Answers the id of the batch. */
  const send = async (...types: string[]) => {
    const events = types.map((event) => ({ event, event_id: crypto.randomUUID() }))
    const before = receiver.lines.length
    expect(await sendSigned(port, JSON.stringify({ events }))).toMatchObject({ status: 200 })
    return vi.waitFor(() => {
      const line = receiver.lines.slice(before).find((one) => one.includes('"batch received"'))
      return JSON.parse(line ?? '').batch as string
    })
  }
  return { ...receiver, send }
}

describe('traces', { concurrent: true }, () => {
  it('show a batch from its receipt to each attempt, as one trace', async () => {
    const collector = await startCollector()
    const receiver = await startTraced({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=of the collector',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    })
    const batch = await receiver.send('open', 'bounce')

    const { spans, requests } = collector
    await vi.waitFor(() => expect(spans).toHaveLength(4))
    const traceId = batch.replaceAll('-', '')
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]))
    const first = spans.find(({ parentId }) => parentId === '')
    expect(first).toMatchObject({
      name: 'receive mailtrap',
      attributes: { 'webhook.batch': batch, 'webhook.source': 'mailtrap' },
      service: {
        'service.name': 'mailtrap-receiver',
        'deployment.environment.name': 'test',
      },
    })
    expect(first?.durationMs).toBeGreaterThan(0)
    const inner = spans.filter((span) => span !== first)
    expect(inner.map(({ parentId }) => parentId)).toEqual(Array(3).fill(first?.spanId))
    expect(inner).toContainEqual(
      expect.objectContaining({
        name: 'unpack mailtrap',
        attributes: expect.objectContaining({ 'webhook.stored': 2, 'webhook.duplicates': 0 }),
        message: undefined,
      }),
    )
    const attempts = inner.filter(({ name }) => name === 'handle picky')
    expect(attempts.map(({ attributes, message }) => [attributes, message])).toEqual(
      expect.arrayContaining([
        [expect.objectContaining({ 'webhook.events': 1, 'webhook.outcome': 'done' }), undefined],
        [
          expect.objectContaining({ 'webhook.type': 'bounce', 'webhook.outcome': 'dead' }),
          'PermanentError: 550 [e-mail] is unknown',
        ],
      ]),
    )
    expect(requests[0]).toMatchObject({
      path: '/v1/traces',
      headers: { 'api-key': 'of the collector' },
    })
  })

  it('are sampled whole: of a batch all spans, or none', async () => {
    const collector = await startCollector()
    const receiver = await startTraced({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/traces`,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.5',
      LOG_LEVEL: 'debug',
    })
    for (let sent = 0; sent < 30; sent++) await receiver.send('open')
    await vi.waitFor(() => {
      const done = receiver.lines.filter((line) => line.includes('"attempts done"'))
      expect(done).toHaveLength(30)
    })
    // A request to the collector that fails, or is slow, takes its spans with it when all ends.
    await vi.waitFor(() => {
      expect(collector.spans.length).toBeGreaterThan(0)
      expect(collector.spans.length % 3).toBe(0)
    })
    receiver.child.kill('SIGTERM')
    expect(await receiver.ended).toBe(0)

    const traces = new Set(collector.spans.map(({ traceId }) => traceId))
    expect(traces.size).toBeGreaterThan(0)
    expect(traces.size).toBeLessThan(30)
    for (const trace of traces) {
      const spans = collector.spans.filter(({ traceId }) => traceId === trace)
      const names = spans.map(({ name }) => name).sort()
      expect(names).toEqual(['handle picky', 'receive mailtrap', 'unpack mailtrap'])
    }
  })

  it('are lost with a line in the log while no collector answers, and hold up nothing', async () => {
    const receiver = await startTraced({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await findFreePort()}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '200',
    })
    await receiver.send('open')
    await vi.waitFor(() => {
      const line = receiver.lines.find((one) => one.includes('"traces are lost"'))
      expect(JSON.parse(line ?? '')).toMatchObject({
        level: 'warn',
        detail: expect.stringMatching(/\S/),
      })
    })
    await receiver.send('open')
    receiver.child.kill('SIGTERM')
    expect(await receiver.ended).toBe(0)
  })
})

import { describe, expect, it, vi } from 'vitest'
import { defineHandler } from '../../src/handlers/define-handler.ts'
import { PermanentError } from '../../src/handlers/handler-errors.ts'
import { runHandler } from '../../src/handlers/run-handler.ts'
import { sampleEvent } from '../../src/handlers/testing.ts'

describe('runHandler', () => {
  it('runs an event like the receiver, and tells what was logged', async () => {
    const handler = defineHandler({
      name: 'tried',
      on: {
        'email.bounced': (event, { log, idempotencyKey, attempt, source, handler: name }) => {
          log.info('bounced', { code: event.bounce.code, attempt, source, name })
          log.warn(idempotencyKey)
        },
      },
    })
    const event = sampleEvent('bounced')
    const run = await runHandler(handler, event, { attempt: 2, source: 'tx' })
    expect(run).toEqual({
      outcome: 'done',
      error: undefined,
      failed: [],
      logs: [
        {
          level: 'info',
          text: 'bounced',
          fields: { code: 550, attempt: 2, source: 'tx', name: 'tried' },
        },
        { level: 'warn', text: expect.stringMatching(/^tried:[\w-]{22}$/), fields: undefined },
      ],
    })
    const again = await runHandler(handler, event)
    expect(again.logs[1]).toEqual(run.logs[1])
  })

  it('is to be retried after a throw and dead after a PermanentError', async () => {
    const handler = defineHandler({
      on: {
        open: () => Promise.reject(new Error('later')),
        click: () => Promise.reject(new PermanentError('never')),
      },
    })
    const open = sampleEvent('open')
    expect(await runHandler(handler, open)).toMatchObject({
      outcome: 'retry',
      error: expect.stringContaining('later'),
      failed: [open],
    })
    expect(await runHandler(handler, sampleEvent('click'))).toMatchObject({
      outcome: 'dead',
      error: expect.stringContaining('never'),
    })
  })

  it('is unhandled when no key takes the event', async () => {
    const handler = defineHandler({ on: { open: () => {} } })
    const run = await runHandler(handler, sampleEvent('click'))
    expect(run).toEqual({ outcome: 'unhandled', error: undefined, logs: [], failed: [] })
  })

  it('aborts the signal and gives up when the time is up', async () => {
    const reasons: unknown[] = []
    const handler = defineHandler({
      on: {
        '*': (_event, { signal }) =>
          new Promise(() => {
            signal.addEventListener('abort', () => reasons.push(signal.reason))
          }),
      },
    })
    const run = await runHandler(handler, sampleEvent('open'), { timeoutMs: 20 })
    expect(run).toMatchObject({ outcome: 'retry', error: 'The attempt took longer than 20 ms.' })
    expect(reasons).toMatchObject([{ name: 'TimeoutError' }])
  })

  it('leaves no clock running after the handler is done', async () => {
    vi.useFakeTimers()
    try {
      const run = await runHandler(defineHandler({ on: { '*': () => {} } }), sampleEvent('open'))
      expect(run.outcome).toBe('done')
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('takes the exact text of an event', async () => {
    const payload = '{ "event": "open", "custom_variables": {"n": 12345678901234567890} }'
    const seen: string[] = []
    const handler = defineHandler({ on: { open: (_event, info) => seen.push(info.payload) } })
    expect((await runHandler(handler, payload)).outcome).toBe('done')
    expect(seen).toEqual([payload])
  })

  it('refuses what is no event, and several events for `on`', async () => {
    const handler = defineHandler({ on: { '*': () => {} } })
    await expect(runHandler(handler, { no: 'name' })).rejects.toThrow('has no name')
    await expect(runHandler(handler, [{ event: 'a' }, { event: 'b' }])).rejects.toThrow('one event')
  })

  it('gives events to onBatch and answers which of them failed', async () => {
    const handler = defineHandler({
      events: ['open', 'click'],
      onBatch: (items) => items.filter(({ matched }) => matched === 'click').map(({ id }) => id),
    })
    const [open, click, bounce] = [sampleEvent('open'), sampleEvent('click'), sampleEvent('bounce')]
    expect(await runHandler(handler, [open, click, bounce])).toMatchObject({
      outcome: 'retry',
      error: 'onBatch returned its id as failed.',
      failed: [click],
    })
    expect(await runHandler(handler, [open])).toMatchObject({ outcome: 'done', failed: [] })
    expect(await runHandler(handler, bounce)).toMatchObject({ outcome: 'unhandled' })
  })
})

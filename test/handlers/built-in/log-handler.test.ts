import { describe, expect, it } from 'vitest'
import { logHandler } from '../../../src/handlers/built-in/create-built-in.ts'
import { runHandler } from '../../../src/handlers/run-handler.ts'
import { type SampleType, sampleEvent } from '../../../src/handlers/testing.ts'

describe('the built-in log handler', () => {
  it('logs one line per event', async () => {
    const event = sampleEvent('click')
    const run = await runHandler(logHandler, event)
    expect(run.outcome).toBe('done')
    expect(run.logs).toMatchObject([
      {
        level: 'info',
        text: 'event',
        fields: {
          provider: 'mailtrap',
          type: 'click',
          name: 'email.clicked',
          event_id: event.event_id,
          message_id: event.message_id,
          occurred_at: new Date((event.timestamp ?? 0) * 1_000).toISOString(),
        },
      },
    ])
  })

  it('finds the ids of MailingAPI too', async () => {
    const event = sampleEvent('opened')
    const [line] = (await runHandler(logHandler, event)).logs
    expect(line?.fields).toMatchObject({ event_id: event.id, message_id: event.data.message_id })
  })

  const types: SampleType[] = ['open', 'bounce', 'activity_log.user.updated', 'inbound', 'clicked']
  types.push('inbound.message_received')

  it.each(types)('logs no personal data of %s', async (type) => {
    const { logs } = await runHandler(logHandler, sampleEvent(type))
    expect(JSON.stringify(logs)).not.toMatch(/@|203\.0\.113|Mozilla|Example|Sample/)
  })

  it('logs no id that may hold an address', async () => {
    const event = { event: 'new', event_id: 'someone@example.com', message_id: 12 }
    const [line] = (await runHandler(logHandler, event)).logs
    expect(line?.fields).toMatchObject({ type: 'new', event_id: undefined, message_id: undefined })
  })
})

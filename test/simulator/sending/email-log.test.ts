import { describe, expect, it } from 'vitest'
import { START, startSimulator } from '../start-simulator.ts'

const event = (message_id: string, type: string, seconds: number) => ({
  event: type,
  event_id: `${message_id}-${type}`,
  message_id,
  email: 'user1@example.com',
  timestamp: START / 1_000 + seconds,
  ...(type === 'bounce' && { response: '550 5.1.1 No', response_code: 550 }),
})

interface Page {
  readonly messages: readonly { readonly message_id: string }[]
  readonly total_count: number
  readonly next_page_cursor: string | null
}

describe('the simulator’s e-mail log', () => {
  it('tells what became of e-mails, though no webhook wanted to know', async () => {
    const { simulator, call } = await startSimulator({ account: '4711' })
    simulator.post('mailtrap', event('m-1', 'soft bounce', 1))
    simulator.post('mailtrap', event('m-1', 'bounce', 2))
    simulator.post('mailtrap', { event: 'activity_log.user_login', timestamp: START / 1_000 })
    for (const path of ['/api/email_logs/m-1', '/api/accounts/4711/email_logs/m-1']) {
      const { body } = await call('GET', path)
      expect(body).toMatchObject({
        message_id: 'm-1',
        status: 'not_delivered',
        to: 'user1@example.com',
        events: [
          { event_type: 'soft_bounce', created_at: '2026-01-01T00:00:01.000Z' },
          { event_type: 'bounce', details: { email_service_provider_response: '550 5.1.1 No' } },
        ],
      })
    }
    expect((await call('GET', '/api/email_logs/m-2')).status).toBe(404)
  })
  it('lists those sent within a span, the newest first, page by page', async () => {
    const { simulator, call } = await startSimulator()
    for (let n = 0; n < 70; n++) simulator.post('mailtrap', event(`m-${n}`, 'delivery', n))
    const filters = {
      'filters[sent_after]': new Date(START + 5_000).toISOString(),
      'filters[sent_before]': new Date(START + 64_000).toISOString(),
    }
    const read = async (more = {}) => {
      const query = new URLSearchParams({ ...filters, ...more })
      return (await call('GET', `/api/email_logs?${query}`)).body as Page
    }
    const first = await read()
    expect(first).toMatchObject({ total_count: 60, next_page_cursor: 'm-15' })
    expect(first.messages.map((one) => one.message_id).slice(0, 2)).toEqual(['m-64', 'm-63'])
    const second = await read({ search_after: 'm-15' })
    expect(second.messages).toHaveLength(10)
    expect(second.next_page_cursor).toBeNull()
  })
})

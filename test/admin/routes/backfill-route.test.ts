import { describe, expect, it } from 'vitest'
import { buildAdmin } from '../build-admin.ts'

const EVENTS = [{ event: 'open', message_id: 'm-1', timestamp: 1_730_000_000 }]
const SPAN = { from: '2026-11-21T02:00:00Z', to: '2026-11-21T09:30:00Z' }

describe('POST /api/backfill', () => {
  it('has the events put in for the only source of Mailtrap, and keeps that in the trail', async () => {
    const { app, work, archive } = buildAdmin()
    const asked: unknown[] = []
    work.fill = async (request) => {
      asked.push(request)
      return { known: 0, missing: 1, batch: 'b-1' }
    }
    const payload = { ...SPAN, events: EVENTS }
    const answer = await app.inject({ method: 'POST', url: '/api/backfill', payload })
    expect(answer.json()).toEqual({ source: 'mailtrap', known: 0, missing: 1, batch: 'b-1' })
    const span = { from: Date.parse(SPAN.from), to: Date.parse(SPAN.to) }
    expect(asked).toEqual([{ source: 'mailtrap', span, events: EVENTS, isDry: false }])
    expect(archive.audit.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['backfill', 'done'],
      ['backfill', 'begun'],
    ])
    expect(JSON.stringify(archive.audit)).not.toContain('m-1')
  })
  it('leaves no trace of a question', async () => {
    const { app, archive } = buildAdmin()
    const payload = { ...SPAN, events: EVENTS, dry_run: true }
    const answer = await app.inject({ method: 'POST', url: '/api/backfill', payload })
    expect(answer.json()).toMatchObject({ missing: 1 })
    expect(archive.audit).toEqual([])
  })
  it.each([
    [{ ...SPAN, events: EVENTS, source: 'mailingapi' }, 'give one of mailtrap'],
    [{ from: SPAN.to, to: SPAN.from, events: EVENTS }, 'from must be earlier than to'],
    [{ ...SPAN, events: Array.from({ length: 501 }, () => ({})) }, 'events'],
  ])('refuses what it cannot do', async (payload, problem) => {
    const { app, archive } = buildAdmin()
    const answer = await app.inject({ method: 'POST', url: '/api/backfill', payload })
    expect(answer.statusCode).toBe(400)
    expect(answer.body).toContain(problem)
    expect(archive.audit).toEqual([])
  })
})

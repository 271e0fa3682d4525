import { describe, expect, it } from 'vitest'
import { type FillParts, fillEvents } from '../../src/backfill/fill-events.ts'
import type { Batch } from '../../src/model.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import type { EventQuery, EventRow, Note, StoreStats } from '../../src/store/store.ts'

const provider = PROVIDERS.mailtrap
const AT = 1_730_000_000
const SPAN = { from: AT * 1_000, to: (AT + 60) * 1_000 }

const logged = (message_id: string, event = 'delivery', timestamp = AT) => ({
  event,
  message_id,
  timestamp,
  email: 'user1@example.com',
  event_id: `backfilled/${message_id}/${event}/${timestamp}`,
  backfilled: true,
})

/** A row as the store has it. */
const row = (messageId: string, type = 'delivery', occurredAt = AT * 1_000 + 400) =>
  ({ provider: 'mailtrap', messageId, type, occurredAt }) as EventRow

interface World {
  /** What has come by webhook when it has been waited for. */
  readonly later?: readonly EventRow[]
  /** When batches came that wait, at each question. */
  readonly waitingAt?: (number | undefined)[]
}

function build(stored: readonly EventRow[], { later = [], waitingAt = [] }: World = {}) {
  let rows = stored
  const queries: EventQuery[] = []
  const appended: Batch[] = []
  const steps: string[] = []
  const notes = new Map<string, Note>()
  const parts: FillParts = {
    archive: {
      // Two rows a page, of which the first is empty: time was up.
      async listEvents(query) {
        queries.push(query)
        const found = rows.filter(({ messageId }) => messageId === query.messageId)
        const begin = Number(query.cursor ?? -2) + (query.cursor === undefined ? 2 : 0)
        if (query.cursor === undefined) return { rows: [], cursor: '0', isPartial: true }
        const page = found.slice(begin, begin + 2)
        return { rows: page, cursor: begin + 2 < found.length ? String(begin + 2) : undefined }
      },
      stats: async () => ({ oldestWaitingAt: waitingAt.shift() }) as StoreStats,
    },
    notes: {
      readNote: async (name) => notes.get(name),
      async writeNote(name, { version, body }) {
        if ((notes.get(name)?.version ?? 0) !== version) return false
        steps.push(`note ${body}`)
        notes.set(name, { version: version + 1, body })
        return true
      },
    },
    journal: {
      async append(batch) {
        steps.push('append')
        appended.push(batch)
      },
    },
    provider,
    newBatchId: () => 'batch-1',
    now: () => 42,
    async wait(ms) {
      steps.push(`wait ${ms}`)
      rows = [...stored, ...later]
    },
  }
  return { parts, queries, appended, steps }
}

const ask = (events: readonly Record<string, unknown>[], isDry = false) => ({
  source: 'mailtrap',
  span: SPAN,
  events,
  isDry,
})

describe('filling in events', () => {
  it('puts in what is missing as one batch, once everybody knows which times are filled', async () => {
    const { parts, appended, steps, queries } = build([
      row('m-1'),
      row('m-1', 'open'),
      row('m-1', 'click'),
    ])
    const events = [logged('m-1'), logged('m-1', 'click'), logged('m-1', 'bounce'), logged('m-2')]
    const report = await fillEvents(ask(events), parts)
    expect(report).toEqual({ known: 2, missing: 2, batch: 'batch-1' })
    expect(steps).toEqual([`note ${JSON.stringify(SPAN)}`, 'wait 6000', 'append'])
    expect(appended[0]).toMatchObject({ source: 'mailtrap', provider: 'mailtrap', receivedAt: 42 })
    const lines = Buffer.from(appended[0]!.body).toString().trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual(events.slice(2))
    expect(queries[0]).toMatchObject({ messageId: 'm-1', from: AT * 1_000 - 3_600_000 })
  })
  it('waits only when times are filled that were not before', async () => {
    const { parts, steps } = build([])
    await fillEvents(ask([logged('m-1')]), parts)
    await fillEvents(ask([logged('m-2')]), parts)
    const later = { from: SPAN.from, to: SPAN.to + 1 }
    await fillEvents({ ...ask([logged('m-3')]), span: later }, parts)
    expect(steps.map((step) => step.split(' ')[0])).toEqual(
      'note wait append append note wait append'.split(' '),
    )
  })
  it('puts in nothing that came by webhook while others were told which times are filled', async () => {
    const { parts, appended } = build([], { later: [row('m-1')] })
    const report = await fillEvents(ask([logged('m-1'), logged('m-2')]), parts)
    expect(report).toEqual({ known: 1, missing: 1, batch: 'batch-1' })
    expect(Buffer.from(appended[0]!.body).toString()).not.toContain('m-1')
    const all = build([], { later: [row('m-1')] })
    const none = await fillEvents(ask([logged('m-1')]), all.parts)
    expect(none).toEqual({ known: 1, missing: 0, batch: undefined })
    expect(all.appended).toEqual([])
  })
  it('looks again once what came before is unpacked, or has had a minute for that', async () => {
    const { parts, steps } = build([], { waitingAt: [41, 41, 43] })
    await fillEvents(ask([logged('m-1')]), parts)
    expect(steps.slice(1)).toEqual(['wait 6000', 'wait 1000', 'wait 1000', 'append'])
    const stuck = build([], { waitingAt: Array.from({ length: 100 }, () => 41) })
    await fillEvents(ask([logged('m-1')]), stuck.parts)
    expect(stuck.steps.filter((step) => step === 'wait 1000')).toHaveLength(60)
    expect(stuck.appended).toHaveLength(1)
  })
  it('writes nothing when it is only asked, or nothing is missing', async () => {
    const { parts, steps } = build([row('m-1')])
    const both = [logged('m-1'), logged('m-2')]
    expect(await fillEvents(ask(both, true), parts)).toMatchObject({ known: 1, missing: 1 })
    expect(await fillEvents(ask([logged('m-1')]), parts)).toMatchObject({ known: 1, missing: 0 })
    expect(steps).toEqual([])
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TableRow } from '../../../../src/handlers/built-in/table/event-table.ts'
import { toRow } from '../../../../src/handlers/built-in/table/event-table.ts'
import { defineHandler } from '../../../../src/handlers/define-handler.ts'
import { toLoadedHandler } from '../../../../src/handlers/read-event.ts'
import { runBatch } from '../../../../src/handlers/run-attempt.ts'
import { ENGINES, type TableServer } from './table-servers.ts'

const NEVER = new AbortController().signal
const log = { debug() {}, info() {}, warn() {}, error() {} }

/** The rows that the handler would store of these events, by the ids `e0`, `e1`, … */
async function rowsOf(...events: readonly object[]): Promise<TableRow[]> {
  let rows: TableRow[] = []
  const handler = defineHandler({
    onBatch: (items) => {
      rows = items.map(toRow)
    },
  })
  const jobs = events.map((event, n) => ({
    provider: 'id' in event ? ('mailingapi' as const) : ('mailtrap' as const),
    source: 'main',
    key: `e${n}`,
    attempt: 1,
    receivedAt: 1_768_651_300_000,
    payload: JSON.stringify(event),
  }))
  await runBatch(toLoadedHandler(handler, 'table'), jobs, { log, signal: NEVER })
  return rows
}

const sent = (event: string, fields: object = {}) => ({
  event,
  email: 'ann@example.com',
  message_id: 'm1',
  timestamp: 1_768_651_200,
  sending_stream: 'transactional',
  category: 'Orders',
  sending_domain_name: 'example.org',
  ...fields,
})

describe('a row', () => {
  it('has what providers tell in fields of their own, and the exact text', async () => {
    const bounce = sent('bounce', { response_code: '550', bounce_category: 'badmailbox' })
    const clicked = {
      id: 'x',
      type: 'clicked',
      data: { to: ['bo@example.com'], url: 'https://a/' },
    }
    const [one, other] = await rowsOf(bounce, clicked)
    expect(one).toEqual({
      id: 'e0',
      type: 'bounce',
      name: 'email.bounced',
      provider: 'mailtrap',
      source: 'main',
      occurred_at: new Date(1_768_651_200_000),
      received_at: new Date(1_768_651_300_000),
      recipient: 'ann@example.com',
      message_id: 'm1',
      category: 'Orders',
      sending_stream: 'transactional',
      sending_domain: 'example.org',
      bounce_category: 'badmailbox',
      response_code: 550,
      url: undefined,
      payload: JSON.stringify(bounce),
    })
    expect(other).toMatchObject({
      provider: 'mailingapi',
      name: 'email.clicked',
      recipient: 'bo@example.com',
      url: 'https://a/',
    })
  })

  it('has no value where an event has nonsense', async () => {
    const odd = { category: 5, response_code: 5e20, sending_stream: null, url: {}, timestamp: 'x' }
    const [row] = await rowsOf(sent('open', odd))
    const { category, response_code, sending_stream, url, occurred_at } = row ?? {}
    expect([category, response_code, sending_stream, url, occurred_at]).toEqual(
      Array(5).fill(undefined),
    )
  })
})

describe.each(ENGINES)('a table in $title', ({ start, text }) => {
  describe.skipIf(start === undefined)('with a server', () => {
    let server: TableServer
    beforeAll(async () => {
      server = await (start as () => Promise<TableServer>)()
    })
    afterAll(() => server.stop())

    it('is made when first stored to, and has each event once, however often it comes', async () => {
      const table = server.open('once')
      const rows = await rowsOf(sent('open'), sent('click', { url: 'https://a/' }))
      await table.store(rows, NEVER)
      await table.store([...rows].reverse(), NEVER)
      await table.store([rows[0], rows[0]] as TableRow[], NEVER)
      const stored = await server.read('once', 'id, type, recipient, payload')
      expect(stored.sort((one, other) => (String(one.id) < String(other.id) ? -1 : 1))).toEqual(
        rows.map(({ id, type, recipient, payload }) => ({ id, type, recipient, payload })),
      )
    })

    it('keeps texts of any characters, and events with hardly a field', async () => {
      const name = 'a\\u0000b \ud83d\ude00 "\\ \n\t\' ünï'
      const [odd, bare] = await rowsOf(sent('open', { category: 'x\0y\ud800', email: name }), {
        event: '?',
      })
      await server.open('odd').store([odd, bare] as TableRow[], NEVER)
      const stored = await server.read('odd', 'id, category, recipient, payload')
      expect(stored).toHaveLength(2)
      expect(stored).toContainEqual({
        id: 'e0',
        category: 'x\uFFFDy\uFFFD',
        recipient: name,
        payload: odd?.payload,
      })
    })

    it('keeps an event that says it happened in the year 9999', async () => {
      const rows = await rowsOf(sent('open', { timestamp: '9999-12-31T23:59:59Z' }))
      await server.open('late').store(rows, NEVER)
      expect(await server.read('late', 'id')).toEqual([{ id: 'e0' }])
    })

    it('is extended by the columns that it lacks, and else left as it is', async () => {
      await server.open('grown').store(await rowsOf(sent('open')), NEVER)
      for (const suffix of ['by_domain_day', 'by_category', 'messages', 'recipients']) {
        await server.execute(`DROP ${text === 'text' ? 'VIEW' : 'TABLE'} grown_${suffix}`)
      }
      await server.execute('ALTER TABLE grown DROP COLUMN url')
      await server.execute(`ALTER TABLE grown ADD COLUMN note ${text}`)
      const rows = await rowsOf(sent('open'), sent('click', { url: 'https://a/' }))
      await server.open('grown').store(rows, NEVER)
      expect(await server.read('grown', 'id, url, note')).toContainEqual({
        id: 'e1',
        url: 'https://a/',
        note: null,
      })
      expect(await server.read('grown_recipients', 'recipient')).toHaveLength(1)
    })

    it('is made again when somebody has dropped it', async () => {
      const table = server.open('dropped')
      await table.store(await rowsOf(sent('open')), NEVER)
      await server.execute(`DROP TABLE dropped${text === 'text' ? ' CASCADE' : ''}`)
      const rows = await rowsOf(sent('click'))
      await expect(table.store(rows, NEVER)).rejects.toThrow(
        /could not store the events: .*dropped/,
      )
      await table.store(rows, NEVER)
      expect(await server.read('dropped', 'type')).toEqual([{ type: 'click' }])
    })

    it('tells in its views what is asked most', async () => {
      const later = { timestamp: 1_768_651_260 }
      const rows = await rowsOf(
        sent('delivery'),
        sent('open', later),
        sent('open', { timestamp: 1_768_651_230 }),
        sent('click', later),
        sent('delivery', { email: 'bo@example.com', message_id: 'm2' }),
        sent('spam', { email: 'bo@example.com', message_id: 'm2', ...later }),
        sent('bounce', { email: 'cy@example.com', message_id: 'm3', category: 'News' }),
        sent('soft bounce', {
          email: 'cy@example.com',
          message_id: 'm3',
          timestamp: 1_768_800_000,
        }),
        { event: 'activity_log.update' },
      )
      await server.open('viewed').store(rows, NEVER)
      const days = await server.read('viewed_by_domain_day')
      expect(
        days
          .map(({ bounced, complained, deferred, delivered }) =>
            [delivered, deferred, bounced, complained].map(Number),
          )
          .sort(),
      ).toEqual([
        [0, 1, 0, 0],
        [2, 0, 1, 1],
      ])
      const categories = await server.read('viewed_by_category')
      const orders = categories.find(({ category }) => category === 'Orders')
      expect(orders).toMatchObject({ sending_stream: 'transactional' })
      expect(
        [orders?.delivered, orders?.complained, orders?.opened, orders?.delivered_percent].map(
          Number,
        ),
      ).toEqual([2, 1, 1, 100])
      const messages = await server.read('viewed_messages')
      const first = messages.find(({ message_id }) => message_id === 'm1')
      expect(first).toMatchObject({ recipient: 'ann@example.com' })
      expect([first?.opened, first?.clicked].map(Number)).toEqual([2, 1])
      const states = await server.read('viewed_recipients', 'recipient, state')
      expect(new Map(states.map(({ recipient, state }) => [recipient, state]))).toEqual(
        new Map([
          ['ann@example.com', 'clicked'],
          ['bo@example.com', 'complained'],
          ['cy@example.com', 'bounced'],
        ]),
      )
    })

    it('is stored to by several at once', async () => {
      const rows = await rowsOf(...Array.from({ length: 300 }, () => sent('open')))
      const tables = [1, 2, 3].map(() => server.open('shared'))
      await Promise.all(
        tables.map((table, n) => table.store(n === 1 ? [...rows].reverse() : rows, NEVER)),
      )
      expect(await server.read('shared', 'id')).toHaveLength(300)
    })

    it('ends when it is told to', async () => {
      const rows = await rowsOf(sent('open'))
      const stopped = AbortSignal.abort(new Error('the attempt took too long'))
      await expect(server.open('stopped').store(rows, stopped)).rejects.toThrow()
    })

    it('may lie in a schema or database of its own', async () => {
      await server.execute(`CREATE ${text === 'text' ? 'SCHEMA' : 'DATABASE'} analytics`)
      await server.open('analytics.mail').store(await rowsOf(sent('open')), NEVER)
      expect(await server.read('analytics.mail', 'id')).toHaveLength(1)
      expect(await server.read('analytics.mail_messages', 'message_id')).toHaveLength(1)
    })
  })
})

const startPostgres = ENGINES[0]?.start
it.skipIf(startPostgres === undefined)(
  'a table of somebody else in PostgreSQL is refused, and stays as it is',
  async () => {
    const server = await (startPostgres as () => Promise<TableServer>)()
    await server.execute('CREATE TABLE theirs (id integer, note text)')
    const storing = server.open('theirs').store(await rowsOf(sent('open')), NEVER)
    await expect(storing).rejects.toThrow(/"theirs" is there, and its column id is not unique/)
    expect(await server.read('theirs')).toEqual([])
    await server.stop()
  },
)

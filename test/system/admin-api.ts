import { expect, vi } from 'vitest'
import type { EventDetailJson, EventJson } from '../../src/admin/api/events.ts'
import type { HandlerJson, HandlersJson } from '../../src/admin/api/handlers.ts'
import type { QuarantineJson } from '../../src/admin/api/quarantine.ts'
import type { StatsJson } from '../../src/admin/api/stats-schema.ts'

/** What a receiver says of itself on its admin listener. */
export interface AdminApi {
  readonly url: string
  stats(): Promise<StatsJson>
  /** By their names. */
  handlers(): Promise<Record<string, HandlerJson>>
  /** Every event, oldest first. */
  events(): Promise<EventJson[]>
  /** One event with its exact payload and its jobs. */
  event(id: string): Promise<EventDetailJson>
  /** Every unreadable piece, oldest first. */
  quarantine(): Promise<QuarantineJson[]>
  /** The bytes of an unreadable piece, as received. */
  quarantineBody(id: string): Promise<Buffer>
  /** The lines of `GET /metrics`. */
  metrics(): Promise<string[]>
  /** Waits until every batch is unpacked and every job has ended. */
  whenIdle(patience?: { timeout: number }): Promise<StatsJson>
}

export function createAdminApi(adminUrl: string): AdminApi {
  const get = async (path: string): Promise<Response> => {
    const answer = await fetch(`${adminUrl}/api/${path}`)
    expect(answer.status, path).toBe(200)
    return answer
  }
  const stats = async () => (await (await get('stats')).json()) as StatsJson

  /** All pages of a list; they run newest first. */
  async function readAll<Row>(list: string): Promise<Row[]> {
    const rows: Row[] = []
    let after = ''
    do {
      const answer = await get(`${list}?limit=500${after}`)
      const page = (await answer.json()) as Record<string, Row[]> & { cursor: string | null }
      rows.push(...(page[list] ?? []))
      after = page.cursor === null ? '' : `&cursor=${encodeURIComponent(page.cursor)}`
    } while (after !== '')
    return rows.reverse()
  }

  return {
    url: adminUrl,
    stats,
    async handlers() {
      const { handlers } = (await (await get('handlers')).json()) as HandlersJson
      return Object.fromEntries(handlers.map((handler) => [handler.name, handler]))
    },
    events: () => readAll('events'),
    event: async (id) => (await (await get(`events/${id}`)).json()) as EventDetailJson,
    quarantine: () => readAll('quarantine'),
    quarantineBody: async (id) =>
      Buffer.from(await (await get(`quarantine/${id}/body`)).arrayBuffer()),
    metrics: async () => (await (await fetch(`${adminUrl}/metrics`)).text()).split('\n'),
    async whenIdle(patience) {
      // Readers share an answer that is under way: one that began before the caller's own deeds.
      await stats().catch(() => {})
      return vi.waitFor(
        async () => {
          const figures = await stats()
          expect(figures.backlog).toBe(0)
          return figures
        },
        { interval: 50, ...patience },
      )
    },
  }
}

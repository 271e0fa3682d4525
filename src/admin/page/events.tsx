import { useRef } from 'preact/hooks'
import type { EventJson, EventsJson } from '../api/events.ts'
import type { SourcesJson } from '../api/overview.ts'
import type { StatsJson } from '../api/stats-schema.ts'
import { changeJobs } from './api.ts'
import { Button, Card, type Run, useNotice } from './elements.tsx'
import { showNumber } from './format.ts'
import { EventList, Pages } from './lists.tsx'
import { type Get, useLook } from './look.ts'
import { writeQuery } from './route.ts'
import { FIELDS, type Filter, SearchForm } from './search-form.tsx'

const PAGE = 50
/** How long a search goes on by itself where the receiver found little in the time of one answer. */
const SEARCH_MS = 3_000
/** Counts and sources only stand around the list. */
const COUNTS_EVERY = 5
const NONE =
  'No event is like this. Recipient and ids are found by their whole text; capitals matter in ids. ' +
  'What was refused or could not be read is no event: see the overview and quarantine.'
const NONE_YET = 'No event like this so far, and there are older ones to look through.'

/** Finds events. What is asked for stands in the address. */
export function Events({ query }: { query: URLSearchParams }) {
  const filter = Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? ''])) as Filter
  const asked = Object.entries(filter).filter(([, value]) => value !== '')
  const cursor = query.get('cursor')
  const isPartial = useRef(false)
  const look = useLook(async (get, isByHand) => {
    // A search that ran out of time would find less at the next look: it stays as it is.
    if (isPartial.current && !isByHand) return undefined
    const [found, { events: counts }, { sources }] = await Promise.all([
      search(get, filter, cursor),
      get<StatsJson>('api/stats', COUNTS_EVERY),
      get<SourcesJson>('api/sources', Number.POSITIVE_INFINITY),
    ])
    isPartial.current = found.isPartial
    return { found, counts, sources: sources.map(({ name }) => name) }
  })
  const { run, notice } = useNotice()
  const { found, counts, sources = [] } = look.answer ?? {}
  const title = asked.length > 0 ? 'Events found' : 'Events'
  const known = { type: Object.keys(counts?.by_type ?? {}), source: sources }
  const actions = (
    <span class="choices">
      <RunFound asked={asked} run={run} onChanged={look.again} />
      <a
        class="button"
        href={`api/events.csv${writeQuery(filter)}`}
        download="events.csv"
        title="The newest 10,000 of these events"
      >
        Export as CSV
      </a>
    </span>
  )
  return (
    <>
      <h1 class="unseen">Events</h1>
      <SearchForm filter={filter} known={known} />
      {found && counts && (
        <Card title={`${title}: ${describeCount(asked, cursor, found, counts)}`} beside={actions}>
          <EventList
            events={found.events}
            none={found.isPartial ? NONE_YET : NONE}
            isByHand={look.isByHand}
          />
          <p class="actions">
            <Pages
              segments={['events']}
              query={filter}
              cursor={cursor}
              next={found.next}
              olderText={found.isPartial ? 'Look further back' : 'Older'}
            />
          </p>
          {notice}
        </Card>
      )}
    </>
  )
}

interface Found {
  readonly events: readonly EventJson[]
  readonly next: string | null
  readonly isPartial: boolean
}

/** A page of events. One answer looks as far as its time goes; while it is not full, the next looks on. */
async function search(get: Get, filter: Filter, cursor: string | null): Promise<Found> {
  const until = performance.now() + SEARCH_MS
  const events: EventJson[] = []
  let next = cursor
  for (;;) {
    const paging = { limit: PAGE - events.length, cursor: next }
    const answer = await get<EventsJson>(`api/events${writeQuery({ ...filter, ...paging })}`)
    events.push(...answer.events)
    next = answer.cursor
    const isPartial = answer.partial === true && next !== null && events.length < PAGE
    if (!isPartial || performance.now() > until) return { events, next, isPartial }
  }
}

type Asked = readonly (readonly [name: string, value: string])[]

/** How many match, as far as it is known: to count them all would be to look through all of them. */
function describeCount(
  [[name, value] = ['', ''], ...others]: Asked,
  cursor: string | null,
  { events, next, isPartial }: Found,
  counts: StatsJson['events'],
): string {
  if (cursor === null && next === null) return showNumber(events.length)
  if (name === '') return showNumber(counts.total)
  const byValue = { state: counts.by_state, type: counts.by_type }[name]
  if (byValue && others.length === 0) return showNumber(new Map(Object.entries(byValue)).get(value))
  return isPartial
    ? `${showNumber(events.length)} so far`
    : `more than ${showNumber(events.length)}`
}

/** By these the receiver chooses events to run again; a recipient or an id it only finds. */
const CHOSEN_BY: readonly string[] = ['type', 'state', 'from', 'to']

/** Runs the handlers of all events again that a search finds, also of those that the page does not show. */
function RunFound(props: { asked: Asked; run: Run; onChanged: () => Promise<void> }) {
  const { asked, run, onChanged } = props
  const isChoice = asked.length > 0 && asked.every(([name]) => CHOSEN_BY.includes(name))
  const body = Object.fromEntries(asked)
  // What is pending runs anyway.
  if (!isChoice || body['state'] === 'pending') return null
  return (
    <Button
      ask="Really run all of them again?"
      onPress={() => run(() => changeJobs('run', body, onChanged))}
    >
      Run all of them again
    </Button>
  )
}

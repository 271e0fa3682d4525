import { useState } from 'preact/hooks'
import type { EventsJson } from '../api/events.ts'
import type { HandlerJson, HandlersJson } from '../api/handlers.ts'
import type { AckJson, SeriesJson, SourceJson, SourcesJson } from '../api/overview.ts'
import type { ProcessJson, StatsJson } from '../api/stats-schema.ts'
import { NoAnswer } from './api.ts'
import { BarChart, LatencyChart } from './charts.tsx'
import { Card } from './elements.tsx'
import { cut, showAgo, showNumber, words } from './format.ts'
import { COUNT_COLUMNS, HANDLER_COLUMNS } from './handlers.tsx'
import { type Column, EventList, Table } from './lists.tsx'
import { useLook } from './look.ts'
import { writeQuery, writeRoute } from './route.ts'
import { rank, sum } from './series.ts'
import { AwayTiles, Tiles } from './tiles.tsx'

const SPANS: Readonly<Record<string, string>> = {
  '1h': 'Last hour',
  '6h': 'Last 6 hours',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
}

const STATES = ['pending', 'done', 'dead', 'unhandled', 'conflict', 'stale'] as const

/** The chart changes slowly, and is asked for every so many looks. */
const SERIES_EVERY = 5

/** Is it receiving, is it keeping up, which handler fails. */
export function Overview({ query }: { query: URLSearchParams }) {
  const wanted = query.get('span') ?? ''
  // Without one, the receiver chooses one that has something in it.
  const span = Object.hasOwn(SPANS, wanted) ? wanted : undefined
  const { all, away, isByHand } = useOverview(span)
  const ack = away?.ack ?? all?.ack
  const refused = (away?.process ?? all?.stats)?.batches.refused_by_reason
  return (
    <>
      <h1 class="unseen">Overview</h1>
      <div class="grid" data-away={away !== undefined}>
        {away ? <AwayTiles {...away} /> : all && <Tiles stats={all.stats} ack={all.ack} />}
        {all && !away && isUntouched(all.stats) && <NothingYet sources={all.sources} />}
        {all && <EventsChart series={all.series} />}
        {all && <States counts={all.stats.events.by_state} />}
        {all && <Handlers handlers={all.handlers} />}
        {all && <Sources sources={all.sources} />}
        {ack && (
          <Card title="Acknowledgement" isNow>
            <LatencyChart ack={ack} />
          </Card>
        )}
        {refused && <Refused reasons={refused} />}
        {all && (
          <Card title="Latest events" isWide>
            <EventList events={all.events} isByHand={isByHand} none="No event yet." />
          </Card>
        )}
      </div>
    </>
  )
}

/** All that it shows; while the store is away, what the process knows by itself, and the rest as it was. */
function useOverview(span: string | undefined) {
  const [away, setAway] = useState<{ process: ProcessJson; ack: AckJson }>()
  const look = useLook(async (get) => {
    try {
      const [stats, { handlers }, { events }, ack, { sources }, series] = await Promise.all([
        get<StatsJson>('api/stats'),
        get<HandlersJson>('api/handlers'),
        get<EventsJson>('api/events?limit=10'),
        get<AckJson>('api/ack'),
        get<SourcesJson>('api/sources'),
        get<SeriesJson>(`api/series${writeQuery({ span })}`, SERIES_EVERY),
      ])
      setAway(undefined)
      return { stats, handlers, events, ack, sources, series }
    } catch (error) {
      if (error instanceof NoAnswer && error.status === 503) {
        const [process, ack] = await Promise.all([
          get<ProcessJson>('api/process'),
          get<AckJson>('api/ack'),
        ])
        setAway({ process, ack })
      }
      throw error
    }
  })
  return { all: look.answer, away, isByHand: look.isByHand }
}

function EventsChart({ series }: { series: SeriesJson }) {
  const { span } = series
  const chooser = (
    <nav class="choices" aria-label="Time span">
      {Object.keys(SPANS).map((name) => (
        <a
          key={name}
          href={writeRoute([], { span: name })}
          aria-current={name === span ? 'true' : undefined}
        >
          {name}
        </a>
      ))}
    </nav>
  )
  return (
    <Card title="Events received" beside={chooser} isWide>
      <BarChart series={series} spanText={SPANS[span] ?? span} />
    </Card>
  )
}

function States({ counts }: { counts: StatsJson['events']['by_state'] }) {
  return (
    <Card title="Events by state" isWide>
      <div class="bar" aria-hidden="true">
        {STATES.filter((state) => counts[state] > 0).map((state) => (
          <span key={state} data-state={state} style={{ '--share': String(counts[state]) }} />
        ))}
      </div>
      <ul class="legend">
        {STATES.map((state) => (
          <li key={state} data-state={state}>
            <a href={writeRoute(['events'], { state })}>{state}</a>{' '}
            <b>{showNumber(counts[state])}</b>
          </li>
        ))}
      </ul>
    </Card>
  )
}

function Handlers({ handlers }: { handlers: readonly HandlerJson[] }) {
  return (
    <Card title="Handlers">
      <Table
        rows={handlers}
        none="No handler is loaded."
        keyOf={({ name }) => name}
        columns={[...HANDLER_COLUMNS, ...COUNT_COLUMNS]}
      />
    </Card>
  )
}

const SOURCE_COLUMNS: readonly Column<SourceJson>[] = [
  [
    'Source',
    ({ name, provider }) => [
      <a href={writeRoute(['events'], { source: name })}>
        <bdi>{cut(name, 60)}</bdi>
      </a>,
      <span class="under">{provider ?? 'not configured here'}</span>,
    ],
  ],
  ['Last batch', ({ last_batch_at: lastAt }) => showAgo(lastAt, Date.now())],
  ['Since start', ({ received }) => showNumber(received), { className: 'number' }],
]

function Sources({ sources }: { sources: readonly SourceJson[] }) {
  return (
    <Card title="Sources">
      <Table
        rows={sources}
        none="No source is configured here."
        keyOf={({ name }) => name}
        columns={SOURCE_COLUMNS}
      />
    </Card>
  )
}

/** Those that are our own fault. */
const REFUSALS: Readonly<Record<string, string>> = {
  store: 'store: could not be kept, answered 503',
  overloaded: 'overloaded: too many at once, answered 503',
}

function Refused({ reasons }: { reasons: Readonly<Record<string, number>> }) {
  const ranked = rank(reasons)
  return (
    <Card title="Requests refused" isNow>
      <ul class="measures">
        {ranked.map(({ name, count, share }) => (
          <li key={name} style={{ '--share': String(share) }}>
            <bdi>{REFUSALS[name] ?? words(name)}</bdi>
            <span class="number">{showNumber(count)}</span>
          </li>
        ))}
      </ul>
      {ranked.length === 0 && <p class="none">Nothing was refused since the start.</p>}
    </Card>
  )
}

/** Whether no batch ever came, also none that waits to be unpacked or moved into the store. */
function isUntouched({ events, batches, spool }: StatsJson): boolean {
  const acknowledged = sum(Object.values(batches.received_by_source))
  return events.total + batches.received + acknowledged + (spool?.waiting ?? 0) === 0
}

/** What somebody does with a receiver that is new. */
function NothingYet({ sources }: { sources: readonly SourceJson[] }) {
  return (
    <Card title="Nothing has come yet" isWide>
      <p>Webhooks are taken here. Register the public address that leads here at the provider:</p>
      <ul class="addresses">
        {sources.map(({ name, provider, address }) => (
          <li key={name}>
            <code>{address ?? `https://…/webhooks/${name}`}</code>{' '}
            <span class="soft">for {provider}</span>
          </li>
        ))}
      </ul>
      <p class="soft">
        <code>mailtrap-receiver webhooks create</code> does it at Mailtrap,{' '}
        <code>mailtrap-receiver send</code> tries it with a signed sample, and{' '}
        <code>mailtrap-receiver doctor</code> finds out what is in the way.
      </p>
    </Card>
  )
}

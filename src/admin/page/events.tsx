import { useRef, useState } from 'preact/hooks'
import type { EventJson } from '../api/events.ts'
import type { SourceJson } from '../api/overview.ts'
import type { StatsJson } from '../api/stats-schema.ts'
import { ask } from './api.ts'
import { Button, Card, useNotice } from './elements.tsx'
import { cut, fromLocalInput, showNumber, toLocalInput } from './format.ts'
import { EventList, Pages } from './lists.tsx'
import { useLook } from './look.ts'
import { writeRoute } from './route.ts'
import { RunFound } from './run-found.tsx'

const PAGE = 50
/** How long a search goes on by itself where the receiver found little in the time of one answer. */
const SEARCH_MS = 3_000
const NONE =
  'No event is like this. Recipient and ids are found by their whole text; capitals matter in ids. ' +
  'What was refused or could not be read is no event: see the overview and quarantine.'
const NONE_YET = 'No event like this so far, and there are older ones to look through.'

const LABELS = {
  recipient: 'Recipient',
  message_id: 'Message id',
  event_id: 'Event id',
  batch: 'Batch',
  type: 'Type',
  state: 'State',
  source: 'Source',
  from: 'Received from',
  to: 'Received before',
} as const
type Field = keyof typeof LABELS
const FIELDS = Object.keys(LABELS) as Field[]
type Filter = Readonly<Record<Field, string>>

/** Finds events. What is asked for stands in the address. */
export function Events({ query }: { query: URLSearchParams }) {
  const filter = Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? ''])) as Filter
  const asked = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ''))
  const cursor = query.get('cursor')
  const isPartial = useRef(false)
  const [sources, setSources] = useState<readonly string[]>([])
  const look = useLook(async (isByHand) => {
    // A search that ran out of time would find less at the next look: it stays as it is.
    if (isPartial.current && !isByHand) return undefined
    const [found, stats] = await Promise.all([
      search(asked, cursor, isByHand),
      ask<StatsJson>('api/stats', isByHand),
    ])
    isPartial.current = found.isPartial
    if (isByHand) void readSources().then(setSources, () => {})
    return { ...found, counts: stats.events }
  })
  const { run, notice } = useNotice()
  const found = look.answer
  const title = [...asked].length > 0 ? 'Events found' : 'Events'
  const actions = (
    <span class="choices">
      <RunFound asked={asked} run={run} onChanged={look.again} />
      <a
        class="button"
        href={`api/events.csv?${asked}`}
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
      <SearchForm
        filter={filter}
        types={Object.keys(found?.counts.by_type ?? {})}
        sources={sources}
      />
      {found && (
        <Card title={`${title}: ${describeCount(asked, cursor, found)}`} beside={actions}>
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

interface Answer {
  readonly events: readonly EventJson[]
  readonly cursor: string | null
  readonly partial?: true
}

/** A page of events. One answer looks as far as its time goes; while it is not full, the next looks on. */
async function search(asked: URLSearchParams, cursor: string | null, isByHand: boolean) {
  const until = performance.now() + SEARCH_MS
  const events: EventJson[] = []
  let next = cursor
  for (;;) {
    const paging = { limit: String(PAGE - events.length), ...(next !== null && { cursor: next }) }
    const query = new URLSearchParams([...asked, ...Object.entries(paging)])
    const answer = await ask<Answer>(`api/events?${query}`, isByHand)
    events.push(...answer.events)
    next = answer.cursor
    const isPartial = answer.partial === true && next !== null && events.length < PAGE
    if (!isPartial || performance.now() > until) return { events, next, isPartial }
  }
}

async function readSources(): Promise<readonly string[]> {
  const { sources } = await ask<{ sources: readonly SourceJson[] }>('api/sources')
  return sources.map(({ name }) => name)
}

/** How many match, as far as it is known: to count them all would be to look through all of them. */
function describeCount(
  asked: URLSearchParams,
  cursor: string | null,
  found: Awaited<ReturnType<typeof search>> & { readonly counts: StatsJson['events'] },
): string {
  const { events, next, isPartial, counts } = found
  if (cursor === null && next === null) return showNumber(events.length)
  const [[name, value] = ['', ''], ...others] = [...asked]
  if (name === '') return showNumber(counts.total)
  const byValue = { state: counts.by_state, type: counts.by_type }[name]
  if (byValue && others.length === 0) return showNumber(new Map(Object.entries(byValue)).get(value))
  return isPartial
    ? `${showNumber(events.length)} so far`
    : `more than ${showNumber(events.length)}`
}

const STATES = ['', 'pending', 'done', 'dead', 'unhandled', 'conflict', 'stale']
const MOST_TEXT = 1_000
const HOUR_MS = 3_600_000
const PRESETS = [
  ['hour', HOUR_MS],
  ['day', 24 * HOUR_MS],
  ['week', 7 * 24 * HOUR_MS],
] as const

const isTime = (name: Field) => name === 'from' || name === 'to'

/** What events may be asked for; pressing Search puts it into the address. */
function SearchForm(props: {
  filter: Filter
  types: readonly string[]
  sources: readonly string[]
}) {
  const { filter, types, sources } = props
  const form = useRef<HTMLFormElement>(null)
  const field = (name: Field) => form.current?.elements.namedItem(name) as HTMLInputElement

  function submit(event: SubmitEvent) {
    event.preventDefault()
    const values = Object.fromEntries(
      FIELDS.map((name) => [name, readField(name, field(name).value.trim(), filter)]),
    ) as Filter
    const isBackwards = values.from !== '' && values.to !== '' && values.from >= values.to
    field('to').setCustomValidity(isBackwards ? 'Later than the time before, please.' : '')
    if (!form.current?.reportValidity()) return
    const hash = writeRoute(['events'], values)
    if (hash === location.hash) dispatchEvent(new HashChangeEvent('hashchange'))
    else location.hash = hash
  }

  function searchLast(spanMs: number) {
    field('from').value = toLocalInput(new Date(Date.now() - spanMs).toISOString())
    field('to').value = ''
    form.current?.requestSubmit()
  }

  return (
    <search>
      <form
        ref={form}
        class="card filters"
        onInput={() => field('to').setCustomValidity('')}
        onSubmit={submit}
      >
        {FIELDS.map((name) => (
          <div class="field" key={name}>
            <label for={`filter-${name}`}>{LABELS[name]}</label>
            <Input name={name} value={filter[name]} />
          </div>
        ))}
        <Options id="known-types" names={types} />
        <Options id="known-sources" names={sources} />
        <p class="actions">
          <button class="strong" type="submit">
            Search
          </button>
          <Button onPress={() => location.assign(writeRoute(['events']))}>Clear</Button>
          <span class="soft">Received in the last</span>
          {PRESETS.map(([text, spanMs]) => (
            <Button key={text} onPress={() => searchLast(spanMs)}>
              {text}
            </Button>
          ))}
        </p>
      </form>
    </search>
  )
}

/** A time that nobody touched keeps what the field does not show. */
function readField(name: Field, value: string, filter: Filter): string {
  if (!isTime(name)) return value
  const instant = fromLocalInput(value)
  return instant === fromLocalInput(toLocalInput(filter[name])) ? filter[name] : instant
}

const SUGGESTED: Partial<Record<Field, string>> = { type: 'known-types', source: 'known-sources' }

function Input({ name, value }: { name: Field; value: string }) {
  const id = `filter-${name}`
  if (name === 'state') {
    return (
      <select name={name} id={id}>
        {STATES.map((state) => (
          <option key={state} value={state} selected={state === value}>
            {state || 'any'}
          </option>
        ))}
      </select>
    )
  }
  if (isTime(name)) {
    return (
      <input
        type="datetime-local"
        step="1"
        name={name}
        id={id}
        defaultValue={toLocalInput(value)}
      />
    )
  }
  return (
    <input
      type="text"
      name={name}
      id={id}
      list={SUGGESTED[name]}
      defaultValue={value}
      maxLength={MOST_TEXT}
      autocomplete="off"
      spellcheck={false}
    />
  )
}

function Options({ id, names }: { id: string; names: readonly string[] }) {
  return (
    <datalist id={id}>
      {names.slice(0, 50).map((name) => (
        <option key={name} value={cut(name)} />
      ))}
    </datalist>
  )
}

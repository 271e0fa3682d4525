import { useMemo, useState } from 'preact/hooks'
import type { EventDetailJson, EventJson, EventsJson } from '../api/events.ts'
import { changeJobs } from './api.ts'
import {
  Button,
  Card,
  exactTime,
  Facts,
  NameLink,
  Pill,
  type Run,
  Time,
  useNotice,
  Visible,
} from './elements.tsx'
import { Jobs } from './event-jobs.tsx'
import { cut, isWebLink } from './format.ts'
import {
  compareFields,
  type FieldDifference,
  indentJson,
  readString,
  type Token,
} from './indent-json.ts'
import { type Column, Table } from './lists.tsx'
import { type Get, useLook } from './look.ts'
import { writeQuery, writeRoute } from './route.ts'

const MOST_STEPS = 100

/** The events of the same message in order, and those with the same id: conflicts. */
const TIMELINES = [
  ['message_id', 'This message'],
  ['event_id', 'The same event id'],
] as const

/** One event: its exact text, its jobs, and the others of its message. */
export function Event({ id }: { id: string }) {
  const { run, notice } = useNotice()
  const { answer } = useLook(async (get) => {
    const event = await get<EventDetailJson>(`api/events/${encodeURIComponent(id)}`)
    const asked = TIMELINES.map(async ([name]) => {
      const value = event[name]
      if (value === null) return { events: [], cursor: null }
      return get<EventsJson>(`api/events${writeQuery({ limit: MOST_STEPS, [name]: value })}`)
    })
    const timelines = await Promise.all(asked)
    return { event, timelines, first: await findFirst(event, timelines, get) }
  })
  if (!answer) return null
  const { event, timelines, first } = answer
  return (
    <>
      <p class="back">
        <Button className="plain" onPress={() => history.back()}>
          ← Back
        </Button>
      </p>
      <div class="grid">
        <Summary event={event} run={run} />
        {notice}
        {first && <Difference event={event} first={first} />}
        {TIMELINES.map(
          ([name, title], index) =>
            (index > 0 || !areSame(timelines)) && (
              <Steps key={name} name={name} title={title} event={event} found={timelines[index]} />
            ),
        )}
        <Jobs event={event} run={run} />
        <Payload text={event.payload} />
      </div>
    </>
  )
}

/** Whether all of a message has one event id. */
function areSame([ofMessage, ofId]: readonly EventsJson[]): boolean {
  const ids = (found: EventsJson | undefined) => found?.events.map(({ id }) => id).join()
  return ids(ofMessage) === ids(ofId)
}

/** Of a conflict the event that has the id rightly. */
async function findFirst(
  { state, event_id: id }: EventDetailJson,
  timelines: readonly EventsJson[],
  get: Get,
): Promise<EventDetailJson | undefined> {
  if (state !== 'conflict') return undefined
  const first = timelines
    .flatMap(({ events }) => events)
    .find((one) => one.event_id === id && one.state !== 'conflict')
  return first && get<EventDetailJson>(`api/events/${encodeURIComponent(first.id)}`)
}

function Summary({ event, run }: { event: EventDetailJson; run: Run }) {
  const search = (name: 'recipient' | 'message_id' | 'event_id' | 'source' | 'batch') => {
    const value = event[name]
    if (value === null) return null
    return (
      <a href={writeRoute(['events'], { [name]: value })}>
        <bdi>{cut(value)}</bdi>
      </a>
    )
  }
  return (
    <Card isWide>
      <h1>
        <bdi>{cut(event.type)}</bdi> <Pill state={event.state} />
      </h1>
      <Facts
        facts={[
          ['Recipient', search('recipient')],
          ['Message id', search('message_id')],
          ['Event id', search('event_id')],
          ['Normalised name', event.name],
          ['Source', search('source')],
          ['Occurred', exactTime(event.occurred_at)],
          ['Received', exactTime(event.received_at)],
          [
            'Batch',
            <>
              {search('batch')}, piece {event.position}
            </>,
          ],
          ['Made by', event.is_test && 'the provider’s test button: kept, never given to handlers'],
        ]}
      />
      <p class="actions">
        <Button
          ask="Really run its handlers again?"
          onPress={() => run(() => changeJobs('run', { event: event.id }))}
        >
          Run its handlers again
        </Button>
      </p>
    </Card>
  )
}

const DIFFERENCE_COLUMNS: readonly Column<FieldDifference>[] = [
  ['Field', ([field]) => <Visible text={field} />, { width: '22%', phone: '1 / 1 / auto / -1' }],
  ['First', ([, first]) => <Value text={first} />],
  ['This one', ([, , other]) => <Value text={other} />],
]

function Value({ text }: { text: string | null }) {
  return text === null ? <span class="soft">not there</span> : <Visible text={text} />
}

/** Of a conflict: both contents side by side, in what they differ. */
function Difference({ event, first }: { event: EventDetailJson; first: EventDetailJson }) {
  const differences = compareFields(first.payload, event.payload) ?? []
  return (
    <Card title="What differs from the first event with this id" isWide>
      <p class="soft">
        The first one is <NameLink to={['events', first.id]} name={first.type} />, received{' '}
        <Time at={first.received_at} />.
      </p>
      <Table
        rows={differences}
        none="Only how it is written: compare their payloads."
        keyOf={([field]) => field}
        columns={DIFFERENCE_COLUMNS}
        className="rows fixed difference"
      />
    </Card>
  )
}

const whenOf = (event: EventJson) => event.occurred_at ?? event.received_at ?? ''

/** Events that belong together, in the order in which they occurred. */
function Steps(props: {
  name: 'message_id' | 'event_id'
  title: string
  event: EventDetailJson
  found: EventsJson | undefined
}) {
  const { name, title, event, found = { events: [], cursor: null } } = props
  const isShown = found.events.some(({ id }) => id === event.id)
  const steps = (isShown ? [...found.events] : [...found.events, event]).sort(
    (a, b) => whenOf(a).localeCompare(whenOf(b)) || Number(a.id) - Number(b.id),
  )
  if (steps.length < 2) return null
  return (
    <Card title={title} isWide>
      <ol class="timeline">
        {steps.map((step) => (
          <li key={step.id} data-state={step.state}>
            <NameLink to={['events', step.id]} name={step.type} isCurrent={step.id === event.id} />
            <Pill state={step.state} />
            <Time at={whenOf(step)} />
            <bdi class="soft">{cut(step.recipient, 100)}</bdi>
          </li>
        ))}
      </ol>
      {found.cursor !== null && (
        <p class="soft">
          The newest {MOST_STEPS}; there are more.{' '}
          <a href={writeRoute(['events'], { [name]: event[name] })}>All of them</a>
        </p>
      )}
    </Card>
  )
}

/** More tokens than this would make the page slow; the text is then shown as it came. */
const MOST_TOKENS = 20_000

/** The exact text of an event, laid out or as received. */
function Payload({ text }: { text: string }) {
  const tokens = useMemo(() => indentJson(text), [text])
  const isLarge = tokens.length > MOST_TOKENS
  const [isRaw, chooseRaw] = useState(isLarge)
  const chooser = (
    <span class="choices" title={isLarge ? 'It is too large to be laid out here.' : undefined}>
      <Button onPress={() => chooseRaw(false)} isPressed={!isRaw} isDisabled={isLarge}>
        Formatted
      </Button>
      <Button onPress={() => chooseRaw(true)} isPressed={isRaw}>
        As received
      </Button>
    </span>
  )
  return (
    <Card title="Payload" beside={chooser} isWide>
      <pre class={isRaw ? 'payload raw' : 'payload'}>
        {isRaw ? <Visible text={text} /> : tokens.map((token) => <Coloured token={token} />)}
      </pre>
    </Card>
  )
}

function Coloured({ token: { text, kind } }: { token: Token }) {
  if (kind === 'space' || kind === 'mark') return <>{text}</>
  const value = kind === 'string' ? readString(text) : undefined
  if (value !== undefined && isWebLink(value)) {
    return (
      <a class="string" href={value} rel="noopener noreferrer" target="_blank">
        {text}
      </a>
    )
  }
  return (
    <span class={kind}>
      <Visible text={text} />
    </span>
  )
}

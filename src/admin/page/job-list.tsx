import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { HandlerJson } from '../api/handlers.ts'
import { errorLine } from '../api/in-words.ts'
import type { JobsJson, ListedJobJson } from '../api/jobs.ts'
import { type Change, changeJobs } from './api.ts'
import { Button, Card, type Run } from './elements.tsx'
import { count, cut, showAgo, showNumber, showUntil } from './format.ts'
import { type Column, List, Pages } from './lists.tsx'
import { ReasonForm } from './reason-form.tsx'
import { writeRoute } from './route.ts'

const STATES = ['dead', 'retrying', 'pending'] as const
export type ListedState = (typeof STATES)[number]

/** Which jobs a person sees who did not choose: those that need one most. */
export const chooseState = (wanted: string | null, { jobs }: HandlerJson): ListedState =>
  STATES.find((state) => state === wanted) ?? STATES.find((state) => jobs[state] > 0) ?? 'dead'

const NONE: Readonly<Record<ListedState, string>> = {
  dead: 'No job is dead.',
  retrying: 'No job waits for another attempt.',
  pending: 'No job is pending.',
}

const endedAt = (job: ListedJobJson) => job.attempts.at(-1)?.ended_at ?? null
/** Others are in line for their first attempt: nothing brings them further. */
const canChange = (job: ListedJobJson) => job.state === 'dead' || job.attempt > 0

/** The jobs of a handler in one state: one, a selection or all of them can be run, or discarded. */
export function JobList(props: {
  handler: HandlerJson
  state: ListedState
  page: JobsJson
  /** Where the page begins. */
  cursor: string | null
  /** The address asks for this list. */
  isAsked: boolean
  isByHand: boolean
  run: Run
  onChanged: () => Promise<void>
}) {
  const { handler, state, page, cursor, isAsked, isByHand, run, onChanged } = props
  const { name } = handler
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (isAsked && scrollY === 0) place.current?.scrollIntoView()
  }, [])
  /** Events of the jobs that were ticked; those that left the page do not count. */
  const [ticks, setTicks] = useState<ReadonlySet<string>>(new Set())
  const events = page.jobs.filter(canChange).map(({ event }) => event)
  const chosen = events.filter((event) => ticks.has(event))
  const tick = (some: readonly string[], isTicked: boolean) =>
    setTicks(new Set([...chosen.filter((one) => !some.includes(one)), ...(isTicked ? some : [])]))
  const change = (action: Change, some: readonly string[], more: object = {}) =>
    run(() => {
      const jobs = some.map((event) => ({ event, handler: name }))
      return changeJobs(action, { jobs, ...more }, async () => {
        tick(some, false)
        await onChanged()
      })
    })
  const isDead = state === 'dead'
  const again = isDead ? 'replay' : 'retry'
  const every = (
    <Tick
      label="Choose all of this page"
      of={events}
      isTicked={events.length > 0 && chosen.length === events.length}
      onTick={tick}
    />
  )
  const tickOf = (job: ListedJobJson) => (
    <Tick
      label={`Choose the job of event ${job.event}`}
      of={canChange(job) ? [job.event] : []}
      isTicked={ticks.has(job.event)}
      onTick={tick}
    />
  )
  const againOf = (job: ListedJobJson) =>
    canChange(job) && <Again job={job} onPress={() => change(again, [job.event])} />
  return (
    <Card title="Jobs" beside={<StateLinks handler={handler} state={state} />} isWide>
      <div class="place" ref={place} />
      <List
        rows={page.jobs}
        // One that has failed again is another row.
        keyOf={(job) => `${job.event} ${isDead ? endedAt(job) : ''}`}
        columns={[
          [every, tickOf, { className: 'tick', width: '28px' }],
          ...columnsOf(isDead),
          ['', againOf, { className: 'number', width: '96px', phone: '1 / 4' }],
        ]}
        className="rows fixed jobs-table"
        none={NONE[state]}
        isByHand={isByHand}
        noun="other job"
      />
      <Actions
        isDead={isDead}
        chosen={events.length === 0 ? undefined : chosen.length}
        onAgain={() => change(again, chosen)}
        onDiscard={(reason) => change('discard', chosen, { reason })}
      >
        {!isDead && handler.jobs.retrying > 0 && (
          <Button onPress={() => run(() => changeJobs('retry', { handler: name }, onChanged))}>
            {`Retry all ${showNumber(handler.jobs.retrying)} now`}
          </Button>
        )}
        <Pages segments={['handlers', name]} query={{ state }} cursor={cursor} next={page.cursor} />
      </Actions>
    </Card>
  )
}

/** One line a job: what is cut is told on hovering, and on the event's page. */
const columnsOf = (isDead: boolean): readonly Column<ListedJobJson>[] => [
  ['Event', linkEvent, { className: 'cut', width: '12%', phone: '1 / 2 / auto / 4' }],
  [
    'Recipient',
    ({ recipient }) => <bdi title={recipient ?? undefined}>{cut(recipient ?? '–', 100)}</bdi>,
    { className: 'cut', phone: '2 / 2 / auto / 4' },
  ],
  ['Received', (job) => <Ago at={job.received_at} />, { className: 'cut roomy', width: '100px' }],
  [
    isDead ? 'Died' : 'Next attempt',
    (job) => (isDead ? <Ago at={endedAt(job)} /> : <NextAttempt at={job.due_at} />),
    { className: 'cut end', width: '100px', phone: '2 / 4' },
  ],
  ['Attempts', (job) => showNumber(job.attempt), { className: 'number roomy', width: '84px' }],
  [
    'Last error',
    ({ last_error: error }) => <span title={cut(error, 1_000)}>{cut(errorLine(error ?? ''))}</span>,
    { className: 'cut', width: '34%', phone: '3 / 1 / auto / -1' },
  ],
]

function linkEvent({ event, type }: ListedJobJson) {
  return (
    <a href={writeRoute(['events', event])} title={`Event ${event}`}>
      <bdi>{cut(type ?? `#${event}`, 64)}</bdi>
    </a>
  )
}

function Again({ job, onPress }: { job: ListedJobJson; onPress: () => unknown }) {
  const [text, label] =
    job.state === 'dead'
      ? ['Replay', `Replay event ${job.event}`]
      : ['Retry now', `Retry event ${job.event} now`]
  return (
    <Button onPress={onPress} label={label}>
      {text}
    </Button>
  )
}

/** Chooses jobs by the ids of their events; without any it can do nothing. */
function Tick(props: {
  label: string
  of: readonly string[]
  isTicked: boolean
  onTick: (events: readonly string[], isTicked: boolean) => void
}) {
  return (
    <input
      type="checkbox"
      aria-label={props.label}
      disabled={props.of.length === 0}
      checked={props.isTicked}
      onChange={(event) => props.onTick(props.of, event.currentTarget.checked)}
    />
  )
}

function StateLinks({ handler, state }: { handler: HandlerJson; state: ListedState }) {
  return (
    <nav class="choices" aria-label="Jobs by state">
      {STATES.map((one) => (
        <a
          key={one}
          href={writeRoute(['handlers', handler.name], { state: one })}
          aria-current={one === state ? 'true' : undefined}
        >
          {`${one} ${showNumber(handler.jobs[one])}`}
        </a>
      ))}
    </nav>
  )
}

function Ago({ at }: { at: string | null }) {
  if (at === null) return <span>–</span>
  return (
    <time datetime={at} title={at}>
      {showAgo(at, Date.now())}
    </time>
  )
}

function NextAttempt({ at }: { at: string | null }) {
  if (at === null) return <span class="soft">in line</span>
  return (
    <time datetime={at} title={at}>
      {showUntil(at, Date.now())}
    </time>
  )
}

/** What is done to a selection. `chosen`: how many jobs; undefined: there is none to choose. */
function Actions(props: {
  isDead: boolean
  chosen: number | undefined
  onAgain: () => unknown
  onDiscard: (reason: string) => unknown
  children: ComponentChildren
}) {
  const { isDead, chosen, onAgain, onDiscard } = props
  const [isAsking, setAsking] = useState(false)
  const selected = `selected (${showNumber(chosen)})`
  return (
    <>
      <p class="actions">
        {chosen !== undefined && (
          <Button onPress={onAgain} isDisabled={chosen === 0}>
            {isDead ? `Replay ${selected}` : `Retry ${selected} now`}
          </Button>
        )}
        {chosen !== undefined && isDead && (
          <Button onPress={() => setAsking(true)} isDisabled={chosen === 0}>
            {`Discard ${selected}`}
          </Button>
        )}
        {props.children}
      </p>
      {isAsking && chosen !== undefined && chosen > 0 && (
        <ReasonForm
          what={count(chosen, 'job')}
          onGiven={(reason) => {
            setAsking(false)
            return onDiscard(reason)
          }}
          onCancel={() => setAsking(false)}
        />
      )}
    </>
  )
}

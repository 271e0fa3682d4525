import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { HandlerJson } from '../api/handlers.ts'
import { errorLine } from '../api/in-words.ts'
import type { ListedJobJson } from '../api/jobs.ts'
import { type Change, changeJobs } from './api.ts'
import { Button, Card, type Run } from './elements.tsx'
import { count, cut, showAgo, showNumber, showUntil } from './format.ts'
import { List, Pages } from './lists.tsx'
import { ReasonForm } from './reason-form.tsx'
import { writeRoute } from './route.ts'

export interface JobPage {
  readonly jobs: readonly ListedJobJson[]
  readonly cursor: string | null
}

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
  page: JobPage
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
    <input
      type="checkbox"
      aria-label="Choose all of this page"
      disabled={events.length === 0}
      checked={events.length > 0 && chosen.length === events.length}
      onChange={(event) => tick(events, event.currentTarget.checked)}
    />
  )
  return (
    <Card title="Jobs" beside={<StateLinks handler={handler} state={state} />} isWide>
      <div class="place" ref={place} />
      <List
        rows={page.jobs}
        // One that has failed again is another row.
        keyOf={(job) => `${job.event} ${isDead ? endedAt(job) : ''}`}
        columns={[
          [every, 'tick'],
          'Event',
          ['Recipient', 'roomy'],
          ['Received', 'roomy'],
          isDead ? 'Died' : 'Next attempt',
          ['Attempts', 'number'],
          ['Last error', 'error'],
          ['', 'number'],
        ]}
        className="jobs-table"
        none={NONE[state]}
        isByHand={isByHand}
        noun="other job"
        show={(job) =>
          jobRow(job, {
            isTicked: ticks.has(job.event),
            onTick: (isTicked) => tick([job.event], isTicked),
            onAgain: () => change(again, [job.event]),
          })
        }
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

function jobRow(
  job: ListedJobJson,
  does: {
    readonly isTicked: boolean
    readonly onTick: (isTicked: boolean) => void
    readonly onAgain: () => unknown
  },
) {
  const { isTicked, onTick, onAgain } = does
  const isDead = job.state === 'dead'
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          aria-label={`Choose the job of event ${job.event}`}
          disabled={!canChange(job)}
          checked={isTicked}
          onChange={(event) => onTick(event.currentTarget.checked)}
        />
      </td>
      <td>
        <a href={writeRoute(['events', job.event])} title={`Event ${job.event}`}>
          <bdi>{cut(job.type ?? `#${job.event}`, 64)}</bdi>
        </a>
      </td>
      <td title={job.recipient ?? undefined}>
        <bdi>{cut(job.recipient ?? '–', 100)}</bdi>
      </td>
      <td class="roomy">
        <Ago at={job.received_at} />
      </td>
      <td>{isDead ? <Ago at={endedAt(job)} /> : <NextAttempt at={job.due_at} />}</td>
      <td class="number">{showNumber(job.attempt)}</td>
      <td class="error" title={cut(job.last_error, 1_000)}>
        {cut(errorLine(job.last_error ?? ''))}
      </td>
      <td class="number">
        {canChange(job) && (
          <Button
            onPress={onAgain}
            label={isDead ? `Replay event ${job.event}` : `Retry event ${job.event} now`}
          >
            {isDead ? 'Replay' : 'Retry now'}
          </Button>
        )}
      </td>
    </tr>
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

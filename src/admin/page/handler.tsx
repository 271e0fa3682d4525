import { useRef, useState } from 'preact/hooks'
import type { FailuresJson } from '../api/failures.ts'
import type { HandlerJson, HandlersJson } from '../api/handlers.ts'
import { handlerState } from '../api/in-words.ts'
import type { JobsJson } from '../api/jobs.ts'
import { type AllDead, AllDeadActions, type Task } from './all-dead.tsx'
import { changeJobs, NoAnswer } from './api.ts'
import { Button, Card, Facts, type Run, Time, useNotice } from './elements.tsx'
import { count, cut, showNumber } from './format.ts'
import { explainHealth, PauseButton } from './handlers.tsx'
import { chooseState, JobList, type ListedState } from './job-list.tsx'
import { List } from './lists.tsx'
import { useLook } from './look.ts'
import { writeQuery, writeRoute } from './route.ts'

const PAGE = 50
/** Failures are grouped from thousands of jobs: not at every look. */
const FAILURES_EVERY = 5

/** One handler: how it is, what fails, and its jobs; `query` tells which, and where their page begins. */
export function Handler(props: { name: string; query: URLSearchParams; allDead: AllDead }) {
  const { name, query, allDead } = props
  const cursor = query.get('cursor')
  /** The same as long as somebody looks at it. */
  const state = useRef<ListedState>(undefined)
  const { run, notice } = useNotice()
  const look = useLook(async (get) => {
    const { handlers } = await get<HandlersJson>('api/handlers')
    const handler = handlers.find((one) => one.name === name)
    if (!handler) throw new NoAnswer('No handler of this name was ever loaded here.', 404)
    state.current ??= chooseState(query.get('state'), handler)
    const asked = { handler: name, state: state.current, limit: PAGE, cursor }
    const [page, failures] = await Promise.all([
      get<JobsJson>(`api/jobs${writeQuery(asked)}`),
      get<FailuresJson>(`api/handlers/${encodeURIComponent(name)}/failures`, FAILURES_EVERY),
    ])
    return { handler, page, failures, state: state.current }
  })
  if (!look.answer) return null
  const { handler, page, failures, state: listed } = look.answer
  return (
    <div class="grid">
      <Summary handler={handler} run={run} />
      {notice}
      <Failures
        failures={failures}
        allDead={allDead}
        dead={handler.jobs.dead}
        run={run}
        onChanged={look.again}
      />
      <JobList
        handler={handler}
        state={listed}
        page={page}
        cursor={cursor}
        isAsked={query.has('state')}
        isByHand={look.isByHand}
        run={run}
        onChanged={look.again}
      />
    </div>
  )
}

function Summary({ handler, run }: { handler: HandlerJson; run: Run }) {
  const { jobs, recent, keys, takes_batches: takesBatches, module, paused_since: paused } = handler
  return (
    <Card isWide>
      <h1>
        <bdi>{cut(handler.name, 64)}</bdi>
      </h1>
      <p class="health" data-state={handlerState(handler)}>
        {explainHealth(handler)}
      </p>
      <Facts
        facts={[
          [
            'Jobs',
            `${showNumber(jobs.pending)} pending${jobs.retrying > 0 ? ` (${showNumber(jobs.retrying)} retrying)` : ''}, ${showNumber(jobs.done)} done, ${showNumber(jobs.dead)} dead${jobs.discarded > 0 ? `, ${showNumber(jobs.discarded)} discarded` : ''}`,
          ],
          [
            'Attempts of this process in the last hour',
            `${showNumber(recent.done)} done, ${showNumber(recent.retry)} to be tried again, ${showNumber(recent.dead)} dead`,
          ],
          ['Handles', keys?.join(', ') ?? null],
          [
            'Takes',
            takesBatches === null
              ? null
              : takesBatches
                ? 'many events at once'
                : 'one event at a time',
          ],
          ['Module', module],
          ['Paused since', paused && <Time at={paused} />],
        ]}
      />
      <p class="actions">
        <PauseButton handler={handler} run={run} />
      </p>
    </Card>
  )
}

type Failure = FailuresJson['failures'][number]

function Failures(props: {
  failures: FailuresJson
  allDead: AllDead
  dead: number
  run: Run
  onChanged: () => Promise<void>
}) {
  const { allDead, dead, run, onChanged } = props
  const retry = (error: string) =>
    run(() => changeJobs('retry', { handler: allDead.name, error }, onChanged))
  const [discarding, setDiscarding] = useState<Task>()
  const { failures, examined, is_partial: isPartial } = props.failures
  const actionsOf = ({ error, dead: deadOfIt, retrying }: Failure) => (
    <>
      {retrying > 0 && (
        <Button onPress={() => retry(error)} label={`Retry these now: ${cut(error)}`}>
          Retry now
        </Button>
      )}{' '}
      {deadOfIt > 0 && (
        <>
          <Button
            onPress={() => allDead.start(dead, { error })}
            label={`Replay these: ${cut(error)}`}
          >
            Replay these
          </Button>{' '}
          <Button onPress={() => setDiscarding({ error })} label={`Discard these: ${cut(error)}`}>
            Discard
          </Button>
        </>
      )}
    </>
  )
  return (
    <Card title="Failures by error" isWide>
      <List
        rows={failures}
        keyOf={({ error }) => error}
        columns={[
          [
            'Error',
            ({ error, event }) => <a href={writeRoute(['events', event])}>{cut(error)}</a>,
            { className: 'error', phone: '1 / 1 / auto / -1' },
          ],
          ['Dead', (one) => showNumber(one.dead), { className: 'number', label: 'dead' }],
          [
            'Retrying',
            (one) => showNumber(one.retrying),
            { className: 'number', label: 'retrying' },
          ],
          ['Newest', (one) => <Time at={one.newest_at} />, { className: 'roomy' }],
          ['', actionsOf, { className: 'number', phone: '3 / 1 / auto / -1' }],
        ]}
        className="rows failures"
        none="Nothing fails."
        isByHand
      />
      {isPartial && <p class="soft">Of the newest {count(examined, 'failed job')}.</p>}
      <AllDeadActions
        allDead={allDead}
        dead={dead}
        discarding={discarding}
        onDiscard={setDiscarding}
        onEnd={onChanged}
      />
    </Card>
  )
}

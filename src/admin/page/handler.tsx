import { useEffect, useRef, useState } from 'preact/hooks'
import type { FailuresJson } from '../api/failures.ts'
import type { HandlerJson } from '../api/handlers.ts'
import type { JobJson } from '../api/jobs.ts'
import { type AllDead, AllDeadActions, type Task } from './all-dead.tsx'
import { ask, NoAnswer, post } from './api.ts'
import { DeadJobs } from './dead-jobs.tsx'
import { Button, Card, Facts, type Run, Time, useNotice } from './elements.tsx'
import { count, cut, showNumber } from './format.ts'
import { explainHealth, healthState, PauseButton } from './handlers.tsx'
import { List } from './lists.tsx'
import { useLook } from './look.ts'
import { writeRoute } from './route.ts'

const PAGE = 50
/** Failures are grouped from thousands of jobs: not at every look. */
const FAILURES_EVERY = 5

export interface DeadPage {
  readonly jobs: readonly JobJson[]
  readonly cursor: string | null
}

/** One handler: how it is, what fails, and its dead jobs. `cursor` tells where the page of dead jobs begins. */
export function Handler(props: { name: string; cursor: string | null; allDead: AllDead }) {
  const { name, cursor, allDead } = props
  const { run, notice } = useNotice()
  const looks = useRef(0)
  const [failures, setFailures] = useState<FailuresJson>()
  const readFailures = async (isByHand: boolean) => {
    const path = `api/handlers/${encodeURIComponent(name)}/failures`
    setFailures(await ask<FailuresJson>(path, isByHand))
  }
  const look = useLook(async (isByHand) => {
    const { handlers } = await ask<{ handlers: HandlerJson[] }>('api/handlers', isByHand)
    const handler = handlers.find((one) => one.name === name)
    if (!handler) throw new NoAnswer('No handler of this name was ever loaded here.', 404)
    const query = { handler: name, state: 'dead', limit: String(PAGE) }
    const paging = new URLSearchParams({ ...query, ...(cursor !== null && { cursor }) })
    const needsFailures = looks.current++ % FAILURES_EVERY === 0
    const [dead] = await Promise.all([
      ask<DeadPage>(`api/jobs?${paging}`, isByHand),
      needsFailures && readFailures(isByHand),
    ])
    return { handler, dead }
  })
  const again = async () => {
    await Promise.all([look.again(), readFailures(true)])
  }
  useEffect(() => allDead.onEnd(() => void again().catch(() => {})), [])
  if (!look.answer) return null
  const { handler, dead } = look.answer
  return (
    <div class="grid">
      <Summary handler={handler} run={run} />
      {notice}
      {failures && (
        <Failures
          failures={failures}
          allDead={allDead}
          dead={handler.jobs.dead}
          run={run}
          onRetried={again}
        />
      )}
      <DeadJobs
        name={name}
        page={dead}
        cursor={cursor}
        isByHand={look.isByHand}
        run={run}
        onChanged={again}
      />
    </div>
  )
}

function Summary({ handler, run }: { handler: HandlerJson; run: Run }) {
  return (
    <Card isWide>
      <h1>
        <bdi>{cut(handler.name, 64)}</bdi>
      </h1>
      <p class="health" data-state={healthState(handler)}>
        {explainHealth(handler)}
      </p>
      <HandlerFacts handler={handler} />
      <p class="actions">
        <PauseButton handler={handler} run={run} />
      </p>
    </Card>
  )
}

function HandlerFacts({ handler }: { handler: HandlerJson }) {
  const { jobs, recent, keys, takes_batches: takesBatches, module, paused_since: paused } = handler
  return (
    <Facts
      facts={[
        [
          'Jobs',
          `${showNumber(jobs.pending)} pending, ${showNumber(jobs.done)} done, ${showNumber(jobs.dead)} dead${jobs.discarded > 0 ? `, ${showNumber(jobs.discarded)} discarded` : ''}`,
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
  )
}

function Failures(props: {
  failures: FailuresJson
  allDead: AllDead
  dead: number
  run: Run
  onRetried: () => Promise<void>
}) {
  const { allDead, dead, run, onRetried } = props
  const [discarding, setDiscarding] = useState<Task>()
  const retry = () =>
    run(async () => {
      const handler = allDead.name
      const { retried } = await post<{ retried: number }>('api/jobs/retry', { handler })
      await onRetried()
      return `${count(retried, 'job')} due now.`
    })
  const { failures, examined, is_partial: isPartial } = props.failures
  return (
    <Card title="Failures by error" isWide>
      <List
        rows={failures}
        keyOf={({ error }) => error}
        columns={[
          'Error',
          ['Dead', 'number'],
          ['Retrying', 'number'],
          ['Newest', 'roomy'],
          ['', 'number'],
        ]}
        className="failures"
        none="Nothing fails."
        isByHand
        show={(group) => (
          <tr>
            <td class="error">
              <a href={writeRoute(['events', group.event])}>{cut(group.error)}</a>
            </td>
            <td class="number">{showNumber(group.dead)}</td>
            <td class="number">{showNumber(group.retrying)}</td>
            <td class="roomy">
              <Time at={group.newest_at} />
            </td>
            <td class="number">
              {group.dead > 0 && (
                <>
                  <Button
                    onPress={() => allDead.start(dead, { error: group.error })}
                    label={`Replay these: ${cut(group.error)}`}
                  >
                    Replay these
                  </Button>{' '}
                  <Button
                    onPress={() => setDiscarding({ error: group.error })}
                    label={`Discard these: ${cut(group.error)}`}
                  >
                    Discard
                  </Button>
                </>
              )}
            </td>
          </tr>
        )}
      />
      {isPartial && <p class="soft">Of the newest {count(examined, 'failed job')}.</p>}
      {failures.some(({ retrying }) => retrying > 0) && (
        <p class="actions">
          <Button onPress={retry}>Run all that wait now</Button>
        </p>
      )}
      <AllDeadActions
        allDead={allDead}
        dead={dead}
        discarding={discarding}
        onDiscard={setDiscarding}
      />
    </Card>
  )
}

import { useState } from 'preact/hooks'
import type { EventDetailJson } from '../api/events.ts'
import type { JobJson } from '../api/jobs.ts'
import { changeJobs } from './api.ts'
import { Button, Card, NameLink, Pill, type Run, Time, Visible } from './elements.tsx'
import { count, showDuration, showNumber, splitError } from './format.ts'
import { type Column, Table } from './lists.tsx'
import { ReasonForm } from './reason-form.tsx'

/** Why an event has no job. */
const NO_JOBS: Readonly<Record<string, string>> = {
  conflict: 'Given to no handler: an earlier event has its id.',
  stale: 'Given to no handler: it may be a repetition of one that was forgotten.',
}

/** Its jobs with every attempt. */
export function Jobs({ event, run }: { event: EventDetailJson; run: Run }) {
  return (
    <Card title="Jobs" isWide>
      <div class="jobs">
        {event.jobs.map((job) => (
          <Job key={job.handler} job={job} run={run} />
        ))}
      </div>
      {event.jobs.length === 0 && (
        <p class="none">{NO_JOBS[event.state] ?? 'No handler wanted it.'}</p>
      )}
    </Card>
  )
}

function Job({ job, run }: { job: JobJson; run: Run }) {
  const { event, handler, state, attempt, due_at: dueAt } = job
  const [isAsking, setAsking] = useState(false)
  const jobs = [{ event, handler }]
  const discard = (reason: string) => {
    setAsking(false)
    return run(() => changeJobs('discard', { jobs, reason }))
  }
  return (
    <div>
      <p class="job">
        <NameLink to={['handlers', handler]} name={handler} />
        <Pill state={state} />
        {state === 'pending' && dueAt !== null && (
          <span class="soft">
            due <Time at={dueAt} />
            {attempt > 0 ? `, after ${count(attempt, 'attempt')}` : ''}
          </span>
        )}
        {state === 'pending' && attempt > 0 && (
          <Button onPress={() => run(() => changeJobs('retry', { jobs }))}>Run now</Button>
        )}
        {state !== 'pending' && (
          <Button
            ask="Really run it again?"
            onPress={() => run(() => changeJobs('run', { event, handler }))}
          >
            Run again
          </Button>
        )}
        {state === 'dead' && <Button onPress={() => setAsking(true)}>Discard</Button>}
      </p>
      {job.discarded && (
        <p class="soft">
          Discarded <Time at={job.discarded.at} />: <Visible text={job.discarded.reason} />
        </p>
      )}
      {isAsking && state === 'dead' && (
        <ReasonForm what="this job" onGiven={discard} onCancel={() => setAsking(false)} />
      )}
      {job.attempts.length > 0 && (
        <Table
          rows={job.attempts}
          none=""
          keyOf={(one) => `${one.attempt} ${one.ended_at}`}
          columns={attemptColumns(job.attempts)}
          className="rows fixed attempts"
        />
      )}
    </div>
  )
}

type Attempt = JobJson['attempts'][number]

const attemptColumns = (all: readonly Attempt[]): readonly Column<Attempt>[] => [
  ['Attempt', ({ attempt }) => showNumber(attempt), { width: '90px' }],
  ['Outcome', ({ outcome }) => <Pill state={outcome} />, { width: '90px' }],
  ['Ended', ({ ended_at: at }) => <Time at={at} />, { width: '170px' }],
  ['Took', (one) => showDuration(one.duration_ms), { className: 'number', width: '90px' }],
  [
    'Error',
    (one) => <AttemptError attempt={one} all={all} />,
    { className: 'error', phone: '2 / 1 / auto / -1' },
  ],
]

/**
 * Its text and the handler's own frames; those of packages and of the receiver are folded away. What
 * failed in the same way before is told once.
 */
function AttemptError({ attempt, all }: { attempt: Attempt; all: readonly Attempt[] }) {
  const { error } = attempt
  if (error === null) return null
  const first = all.find((one) => one.error === error)
  if (first && first !== attempt) {
    return <span class="soft">the same as of attempt {showNumber(first.attempt)}</span>
  }
  const { own, foreign } = splitError(error)
  return (
    <>
      <Visible text={own} />
      {foreign.length > 0 && (
        <details>
          <summary>{count(foreign.length, 'frame')} outside of the handler</summary>
          <Visible text={foreign.join('\n')} />
        </details>
      )}
    </>
  )
}

import { useEffect, useState } from 'preact/hooks'
import type { JobsJson } from '../api/jobs.ts'
import { ask, doneBy, explainFailure, postChange } from './api.ts'
import { Button } from './elements.tsx'
import { count, showNumber } from './format.ts'
import { ReasonForm } from './reason-form.tsx'
import { writeQuery } from './route.ts'

/** What is done to all dead jobs of a handler, or to those with one error. */
export interface Task {
  /** Undefined: whatever the error. */
  readonly error?: string
  /** Undefined: they are replayed; else discarded, for this reason. */
  readonly reason?: string
}

/** How far a task has come. */
interface Progress {
  readonly isRunning: boolean
  readonly examined: number
  /** Dead jobs when it began. */
  readonly of: number
  readonly text: string
}

const AT_ONCE = 500

/** Goes through page after page of dead jobs; answers what to say of it in the end. */
async function workThrough(
  name: string,
  how: {
    dead: number
    task: Task
    tell: (news: Partial<Progress>) => void
    isStopped: () => boolean
  },
): Promise<string> {
  const { dead, task, tell, isStopped } = how
  const action = task.reason === undefined ? 'replay' : 'discard'
  const done = doneBy(action)
  let changed = 0
  let examined = 0
  let cursor: string | null = null
  try {
    do {
      const query = writeQuery({ handler: name, state: 'dead', limit: AT_ONCE, cursor })
      const page: JobsJson = await ask<JobsJson>(`api/jobs${query}`)
      const jobs = page.jobs.map(({ event, handler }) => ({ event, handler }))
      if (jobs.length > 0) changed += await postChange(action, { ...task, jobs })
      examined += jobs.length
      cursor = page.cursor
      const all = showNumber(Math.max(dead, examined))
      const text = `${showNumber(changed)} ${done}, ${showNumber(examined)} of ${all} looked at`
      tell({ examined, text })
    } while (cursor !== null && !isStopped())
    return `${count(changed, 'job')} ${done}${cursor === null ? '' : '; stopped'}.`
  } catch (problem) {
    return `${count(changed, 'job')} ${done}, then: ${explainFailure(problem)}`
  }
}

export type AllDead = ReturnType<typeof createAllDead>

/**
 * Replays or discards all dead jobs of a handler, or those with one error, page by page. It goes on
 * while other views are looked at.
 */
export function createAllDead(name: string) {
  let progress: Progress = { isRunning: false, examined: 0, of: 0, text: '' }
  const nobody = { onProgress: (_progress: Progress) => {}, onEnd: () => {} }
  let listener = nobody
  const tell = (news: Partial<Progress>) => {
    progress = { ...progress, ...news }
    listener.onProgress(progress)
  }

  return {
    name,
    progress: () => progress,
    stop: () => tell({ isRunning: false }),
    /** In place of the listener before; answers how to stop listening. */
    listen(other: typeof nobody) {
      listener = other
      return () => {
        listener = nobody
      }
    },
    async start(dead: number, task: Task = {}): Promise<void> {
      if (progress.isRunning) return
      tell({ isRunning: true, examined: 0, of: Math.max(1, dead), text: '' })
      addEventListener('beforeunload', askToStay)
      const isStopped = () => !progress.isRunning
      const text = await workThrough(name, { dead, task, tell, isStopped })
      removeEventListener('beforeunload', askToStay)
      tell({ isRunning: false, text })
      listener.onEnd()
    },
  }
}

/** It would end with the page. */
function askToStay(event: Event): void {
  event.preventDefault()
}

/** `discarding`: of what the reason is asked for; `onDiscard` changes that. */
export function AllDeadActions(props: {
  allDead: AllDead
  dead: number
  discarding: Task | undefined
  onDiscard: (task: Task | undefined) => void
  onEnd: () => void
}) {
  const { allDead, dead, discarding, onDiscard, onEnd } = props
  const [{ isRunning, examined, of, text }, setProgress] = useState(allDead.progress())
  useEffect(() => {
    const stopListening = allDead.listen({ onProgress: setProgress, onEnd })
    // It may have come further between the first look and now.
    setProgress(allDead.progress())
    return stopListening
  }, [])
  const isIdle = !isRunning && dead > 0
  return (
    <>
      <p class="actions">
        {isRunning && (
          <>
            <progress value={examined} max={of} aria-label={`Dead jobs of ${allDead.name}`} />
            <Button onPress={allDead.stop}>Stop</Button>
          </>
        )}
        {isIdle && (
          <>
            <Button
              ask={`Really replay ${count(dead, 'job')}?`}
              onPress={() => void allDead.start(dead)}
            >
              Replay all dead jobs
            </Button>
            <Button onPress={() => onDiscard({})}>Discard all dead jobs</Button>
          </>
        )}
        <span class="soft" role="status">
          {text}
        </span>
      </p>
      {isIdle && discarding && (
        <ReasonForm
          // What is asked about another error is another question.
          key={discarding.error}
          what={discarding.error === undefined ? count(dead, 'dead job') : 'those with this error'}
          about={discarding.error}
          onGiven={(reason) => {
            onDiscard(undefined)
            void allDead.start(dead, { ...discarding, reason })
          }}
          onCancel={() => onDiscard(undefined)}
        />
      )}
    </>
  )
}

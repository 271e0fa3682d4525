import { useEffect, useState } from 'preact/hooks'
import { explainFailure, post } from './api.ts'
import { Button } from './elements.tsx'
import { count, showNumber } from './format.ts'

/** How far a replay has come. */
interface Progress {
  readonly isRunning: boolean
  readonly examined: number
  /** Dead jobs when it began. */
  readonly of: number
  readonly text: string
}

interface Answer {
  readonly replayed: number
  readonly examined: number
  readonly cursor: string | null
}

/** Makes page after page of dead jobs pending; answers what to say of it in the end. */
async function replayPages(
  name: string,
  how: {
    dead: number
    error: string | undefined
    tell: (news: Partial<Progress>) => void
    isStopped: () => boolean
  },
): Promise<string> {
  const { dead, error, tell, isStopped } = how
  const path = `api/handlers/${encodeURIComponent(name)}/replay`
  let replayed = 0
  let examined = 0
  let cursor: string | null = null
  try {
    do {
      const asked = { ...(error !== undefined && { error }), ...(cursor !== null && { cursor }) }
      const answer: Answer = await post<Answer>(path, asked)
      replayed += answer.replayed
      examined += answer.examined
      cursor = answer.cursor
      const all = showNumber(Math.max(dead, examined))
      const text = `${showNumber(replayed)} made pending, ${showNumber(examined)} of ${all} looked at`
      tell({ examined, text })
    } while (cursor !== null && !isStopped())
    return `${count(replayed, 'job')} made pending${cursor === null ? '' : '; stopped'}.`
  } catch (problem) {
    return `${count(replayed, 'job')} made pending, then: ${explainFailure(problem)}`
  }
}

export type ReplayAll = ReturnType<typeof createReplayAll>

/**
 * Replays all dead jobs of a handler, or those with one error, page by page. It goes on while other
 * views are looked at.
 */
export function createReplayAll(name: string) {
  let progress: Progress = { isRunning: false, examined: 0, of: 0, text: '' }
  let show = (_progress: Progress) => {}
  let tellEnd = () => {}
  const tell = (news: Partial<Progress>) => {
    progress = { ...progress, ...news }
    show(progress)
  }

  return {
    name,
    progress: () => progress,
    stop: () => tell({ isRunning: false }),
    /** In place of the listener before; answers how to stop listening. */
    onProgress(listener: typeof show) {
      show = listener
      return () => {
        show = () => {}
      }
    },
    onEnd(listener: typeof tellEnd) {
      tellEnd = listener
      return () => {
        tellEnd = () => {}
      }
    },
    /** Without an error, all of them. */
    async start(dead: number, error?: string): Promise<void> {
      if (progress.isRunning) return
      tell({ isRunning: true, examined: 0, of: Math.max(1, dead), text: '' })
      addEventListener('beforeunload', askToStay)
      const isStopped = () => !progress.isRunning
      const text = await replayPages(name, { dead, error, tell, isStopped })
      removeEventListener('beforeunload', askToStay)
      tell({ isRunning: false, text })
      tellEnd()
    },
  }
}

/** It would end with the page. */
function askToStay(event: Event): void {
  event.preventDefault()
}

export function ReplayAllActions({ replayAll, dead }: { replayAll: ReplayAll; dead: number }) {
  const [{ isRunning, examined, of, text }, setProgress] = useState(replayAll.progress())
  useEffect(() => {
    const stopListening = replayAll.onProgress(setProgress)
    // It may have come further between the first look and now.
    setProgress(replayAll.progress())
    return stopListening
  }, [])
  return (
    <p class="actions">
      {isRunning && (
        <>
          <progress value={examined} max={of} aria-label={`Replaying jobs of ${replayAll.name}`} />
          <Button onPress={replayAll.stop}>Stop</Button>
        </>
      )}
      {!isRunning && dead > 0 && (
        <Button
          ask={`Really replay ${count(dead, 'job')}?`}
          onPress={() => void replayAll.start(dead)}
        >
          Replay all dead jobs
        </Button>
      )}
      <span class="soft" role="status">
        {text}
      </span>
    </p>
  )
}

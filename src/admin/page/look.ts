import { createContext } from 'preact'
import { useContext, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { ask, NoAnswer } from './api.ts'

const POLL_MS = 2_000

/** `away`: the receiver answers, its store does not. */
export type ConnectionState = 'waiting' | 'live' | 'lost' | 'away' | 'unreachable'

/** What the page around a view does with what its looks come to. */
export interface Surroundings {
  /** `state` colours the line that says how the connection is. */
  tell(state: ConnectionState, text: string): void
  /** Asks once how the caller is signed in, and each time what a person is needed for. */
  readSelf(isByHand: boolean): Promise<void>
  onSignedOut(): void
  /** What is wrong and will stay so; shown above the view. */
  onProblem(text: string): void
  /** How far down the view was when it was left. */
  readonly top: number
}

export const Around = createContext<Surroundings>({} as Surroundings)

/** Asks the receiver; `every`: for how many looks its answer will do, unless a person looks. */
export type Get = <Answer>(path: string, every?: number) => Promise<Answer>

export interface Look<Answer> {
  readonly answer: Answer | undefined
  /** A person asked for it: what stands there may change under the pointer. */
  readonly isByHand: boolean
  /** Looks at once, as by a person. */
  again(): Promise<void>
}

/**
 * Asks at once, and for news every two seconds while somebody looks. Answers that come after the
 * view was left are dropped.
 */
export function useLook<Answer>(
  read: (get: Get, isByHand: boolean) => Promise<Answer | undefined>,
): Look<Answer> {
  const around = useContext(Around)
  const [seen, setSeen] = useState<{ answer?: Answer; isByHand: boolean }>({ isByHand: true })
  const again = useRef(async () => {})

  useEffect(() => {
    let timer = 0
    let turn = 0
    const kept = new Map<string, { answer: unknown; turn: number }>()
    const getBy =
      (isByHand: boolean): Get =>
      async <Answer>(path: string, every = 1) => {
        const known = kept.get(path)
        if (known && !isByHand && turn - known.turn < every) return known.answer as Answer
        const answer = await ask<Answer>(path, isByHand)
        if (every > 1) kept.set(path, { answer, turn })
        return answer
      }
    const look = async (isByHand: boolean) => {
      clearTimeout(timer)
      const mine = ++turn
      let waitMs: number | undefined = POLL_MS
      try {
        if (!document.hidden) {
          const [answer] = await Promise.all([
            read(getBy(isByHand), isByHand),
            around.readSelf(isByHand),
          ])
          if (mine !== turn) return
          // Nothing new: what was seen stays.
          if (answer !== undefined) setSeen({ answer, isByHand })
          around.tell('live', 'Live')
        }
      } catch (error) {
        if (mine !== turn) return
        waitMs = tellProblem(error, around)
      }
      if (waitMs !== undefined) timer = window.setTimeout(() => void look(false), waitMs)
    }
    const lookWhenSeen = () => {
      if (!document.hidden && timer !== 0) void look(false)
    }
    again.current = () => look(true)
    document.addEventListener('visibilitychange', lookWhenSeen)
    around.tell('waiting', 'Loading…')
    void look(true)
    return () => {
      turn++
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', lookWhenSeen)
    }
    // A view that asks for something else is another view.
  }, [])

  const isThere = seen.answer !== undefined
  useLayoutEffect(() => {
    if (isThere) scrollTo(0, around.top)
  }, [isThere])

  return { answer: seen.answer, isByHand: seen.isByHand, again: () => again.current() }
}

/** Answers how long to wait before the next try; undefined: not at all. */
function tellProblem(error: unknown, around: Surroundings): number | undefined {
  if (!(error instanceof NoAnswer)) {
    around.tell('lost', 'This page failed. Reload it.')
    reportError(error)
    return undefined
  }
  if (error.status === 401) around.onSignedOut()
  else if (error.waitMs !== undefined) {
    const state = error.status === 0 ? 'unreachable' : error.status === 503 ? 'away' : 'lost'
    around.tell(state, `${error.message} Trying again…`)
  } else {
    around.tell('lost', 'Stopped')
    around.onProblem(error.message)
  }
  return error.waitMs
}

import { relative } from 'node:path'
import { boundFields, tameLines, tameText, withoutStack } from './log-text.ts'
import { METRICS } from './metric-list.ts'
import type { HandlerHealth, Observer } from './observer.ts'
import type { RecentMinutes } from './recent-minutes.ts'
import type { Telling } from './telling.ts'

type AttemptFacts = 'runProgressed' | 'attemptEnded' | 'runsCut'
type HandlerFacts =
  | 'handlerStarted'
  | 'handlerEnded'
  | 'handlerForgotten'
  | 'handlerWrote'
  | 'handlerCodeChanged'
  | 'handlerOutputDropped'

export interface HandlerRecord {
  /** Two, while one takes the place of another. */
  readonly pids: readonly number[]
  readonly starts: number
  readonly lastProblem?: string | undefined
}

const NEVER_STARTED: HandlerRecord = { starts: 0, pids: [] }

export function healthOf({ pids, starts, lastProblem }: HandlerRecord): HandlerHealth {
  return { running: pids.length > 0, restarts: Math.max(0, starts - 1), lastProblem }
}

/** What becomes of the events that handlers are to run. */
export function tellOfAttempts(
  { log, metrics, spans }: Telling,
  minutes: RecentMinutes,
): Pick<Observer, AttemptFacts> {
  const attemptTime = metrics.histogram(METRICS.attemptTime)
  const released = metrics.counter(METRICS.released)

  return {
    // One metric for their number and their time: there are thousands a second.
    runProgressed({ durationsMs, ...fact }) {
      const { handler, batch, done } = fact
      log.debug(fact, 'attempts done')
      minutes.noteAttempts(handler, 'done', done)
      const times = attemptTime.labels({ handler, outcome: 'done' })
      for (const ms of durationsMs) times.observe(ms / 1_000)
      spans?.add({
        batch,
        name: `handle ${handler}`,
        durationMs: Math.max(0, ...durationsMs),
        attributes: {
          'webhook.handler': handler,
          'webhook.events': done,
          'webhook.outcome': 'done',
        },
      })
    },
    attemptEnded({ error, ...fact }) {
      const { handler, event, batch, type, attempt, outcome, durationMs } = fact
      const { outcome: _, ...told } = fact
      const fields = error === undefined ? told : { ...told, error: tameLines(error) }
      const [level, text] = ATTEMPT_LINES[outcome]
      log[level](fields, text)
      if (outcome === 'alone') released.inc({ handler })
      else {
        minutes.noteAttempts(handler, outcome, 1)
        attemptTime.observe({ handler, outcome }, durationMs / 1_000)
      }
      if (batch === '') return
      spans?.add({
        batch,
        name: `handle ${handler}`,
        durationMs,
        attributes: {
          'webhook.handler': handler,
          'webhook.event': event,
          'webhook.type': tameText(type),
          'webhook.attempt': attempt,
          'webhook.outcome': outcome,
        },
        error: error === undefined ? undefined : withoutStack(error),
      })
    },
    runsCut(fact) {
      log.warn(fact, 'a run never came to an end; its events run one by one')
    },
  }
}

const ATTEMPT_LINES = {
  done: ['debug', 'attempt done'],
  retry: ['warn', 'attempt failed; the job will be tried again'],
  dead: ['error', 'job is dead; replay it when its cause is mended'],
  alone: ['warn', 'attempt may have ended its process; it runs again, alone'],
} as const

/** What happens to handlers and their processes. `records` are kept up to date. */
export function tellOfHandlers(
  { log, metrics }: Telling,
  records: Map<string, HandlerRecord>,
): Pick<Observer, HandlerFacts> {
  const running = metrics.gauge(METRICS.handlerRunning)
  const restarts = metrics.counter(METRICS.handlerRestarts)
  const droppedLines = metrics.counter(METRICS.droppedLines)

  return {
    handlerStarted({ handler, pid }) {
      log.info({ handler, pid }, 'handler process started')
      const { starts, pids, ...record } = records.get(handler) ?? NEVER_STARTED
      records.set(handler, { ...record, starts: starts + 1, pids: [...pids, pid] })
      running.set({ handler }, pids.length + 1)
      // From 0 on, or the first would not count as an increase.
      for (const cause of ['planned', 'failure']) restarts.inc({ handler, cause }, 0)
    },
    handlerEnded({ handler, pid, reason, isPlanned }) {
      const text = tameText(reason)
      const fields = { handler, pid, reason: tameLines(reason) }
      log[isPlanned ? 'info' : 'error'](fields, 'handler process ended')
      // A module that cannot be loaded ends without ever having started.
      const { starts, pids, lastProblem } = records.get(handler) ?? NEVER_STARTED
      const left = pids.filter((one) => one !== pid)
      records.set(handler, { starts, pids: left, lastProblem: isPlanned ? lastProblem : text })
      // One that a reload took out of the settings is not one that is down.
      if (isPlanned && left.length === 0) running.remove({ handler })
      else running.set({ handler }, left.length)
      restarts.inc({ handler, cause: isPlanned ? 'planned' : 'failure' })
    },
    handlerForgotten({ handler }) {
      if ((records.get(handler)?.pids.length ?? 0) > 0) return
      records.delete(handler)
      running.remove({ handler })
    },
    handlerWrote({ level, text, fields, ...about }) {
      const told = fields ? { ...about, fields: boundFields(fields) } : about
      log[level](told, `[${about.handler}] ${tameLines(text)}`)
    },
    handlerCodeChanged({ handler, file, problem, isRunning }) {
      const what = `${relative(process.cwd(), file)} changed`
      if (problem === undefined) return log.info({ handler, file }, `${what}: ${handler} runs anew`)
      const left = isRunning ? 'the code from before goes on' : 'it does not run'
      const fields = { handler, file, error: tameLines(problem) }
      log.error(fields, `${what}, and ${handler} cannot be loaded: ${left}`)
    },
    handlerOutputDropped({ handler, lines }) {
      log.warn({ handler, lines }, 'handler wrote too much; lines dropped')
      droppedLines.inc({ handler }, lines)
    },
  }
}

import { relative } from 'node:path'
import type { HandlerHealth } from './figures.ts'
import { boundFields, tameLines, tameText, withoutStack } from './log-text.ts'
import type { RecentMinutes } from './recent-minutes.ts'
import type { Telling } from './telling.ts'

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

interface RunProgress {
  readonly handler: string
  /** With which the events came. */
  readonly batch: string
  readonly done: number
  /** Of each of them. */
  readonly durationsMs: Uint16Array | readonly number[]
}

interface EndedAttempt {
  readonly handler: string
  readonly event: string
  /** With which the event came. */
  readonly batch: string
  readonly type: string
  readonly attempt: number
  readonly outcome: 'done' | 'retry' | 'dead' | 'alone'
  readonly durationMs: number
  readonly error: string | undefined
}

/** What becomes of the events that handlers are to run. */
export function tellOfAttempts({ log, line, metrics, spans }: Telling, minutes: RecentMinutes) {
  return {
    /**
     * Attempts of events that run for the first time have succeeded. One metric for their number and their
     * time: there are thousands a second.
     */
    runProgressed({ durationsMs, ...fact }: RunProgress) {
      const { handler, batch, done } = fact
      log.debug(fact, 'attempts done')
      minutes.noteAttempts(handler, 'done', done)
      const times = metrics.attempt_seconds.labels({ handler, outcome: 'done' })
      for (const ms of durationsMs) times.observe(ms / 1_000)
      spans?.add({
        batch,
        name: `handle ${handler}`,
        durationMs: Math.max(0, ...durationsMs),
        attributes: { handler, events: done, outcome: 'done' },
      })
    },
    /** An attempt has failed, or one of an event by itself has succeeded. */
    attemptEnded({ error, ...fact }: EndedAttempt) {
      const { handler, event, batch, type, attempt, outcome, durationMs } = fact
      const { outcome: _, ...told } = fact
      const fields = error === undefined ? told : { ...told, error: tameLines(error) }
      const [level, text] = ATTEMPT_LINES[outcome]
      log[level](fields, text)
      if (outcome === 'alone') metrics.released_total.inc({ handler })
      else {
        minutes.noteAttempts(handler, outcome, 1)
        metrics.attempt_seconds.observe({ handler, outcome }, durationMs / 1_000)
      }
      if (batch === '') return
      spans?.add({
        batch,
        name: `handle ${handler}`,
        durationMs,
        attributes: { handler, event, type: tameText(type), attempt, outcome },
        error: error === undefined ? undefined : withoutStack(error),
      })
    },
    /** A run was opened three times without an end: its events run one by one from now on. */
    runsCut: line<{ handler: string; events: number }>(
      'warn',
      'a run never came to an end; its events run one by one',
    ),
  }
}

const ATTEMPT_LINES = {
  done: ['debug', 'attempt done'],
  retry: ['warn', 'attempt failed; the job will be tried again'],
  dead: ['error', 'job is dead; replay it when its cause is mended'],
  alone: ['warn', 'attempt may have ended its process; it runs again, alone'],
} as const

interface EndedProcess {
  readonly handler: string
  readonly pid: number | undefined
  readonly reason: string
  readonly isPlanned: boolean
}

interface WrittenLine {
  readonly handler: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly text: string
  readonly fields?: Readonly<Record<string, unknown>> | undefined
  /** For which attempt, when it was written through `log`: of an event, or of several of one batch. */
  readonly event?: string
  readonly batch?: string
  readonly attempt?: number
}

interface CodeChange {
  readonly handler: string
  readonly file: string
  readonly problem: string | undefined
  /** With the new code, or with that from before. */
  readonly isRunning: boolean
}

/** What happens to handlers and their processes. `records` are kept up to date. */
export function tellOfHandlers(
  { log, line, metrics }: Telling,
  records: Map<string, HandlerRecord>,
) {
  return {
    handlerStarted({ handler, pid }: { handler: string; pid: number }) {
      log.info({ handler, pid }, 'handler process started')
      const { starts, pids, ...record } = records.get(handler) ?? NEVER_STARTED
      records.set(handler, { ...record, starts: starts + 1, pids: [...pids, pid] })
      metrics.handler_running.set({ handler }, pids.length + 1)
      // From 0 on, or the first would not count as an increase.
      for (const cause of ['planned', 'failure']) {
        metrics.handler_restarts_total.inc({ handler, cause }, 0)
      }
    },
    /** Its process ended, or its module could not be loaded: then `pid` is undefined. */
    handlerEnded({ handler, pid, reason, isPlanned }: EndedProcess) {
      const text = tameText(reason)
      const fields = { handler, pid, reason: tameLines(reason) }
      log[isPlanned ? 'info' : 'error'](fields, 'handler process ended')
      // A module that cannot be loaded ends without ever having started.
      const { starts, pids, lastProblem } = records.get(handler) ?? NEVER_STARTED
      const left = pids.filter((one) => one !== pid)
      records.set(handler, { starts, pids: left, lastProblem: isPlanned ? lastProblem : text })
      // One that a reload took out of the settings is not one that is down.
      if (isPlanned && left.length === 0) metrics.handler_running.remove({ handler })
      else metrics.handler_running.set({ handler }, left.length)
      metrics.handler_restarts_total.inc({ handler, cause: isPlanned ? 'planned' : 'failure' })
    },
    /** It is in the settings no more, or under another name. One that has a process stays known. */
    handlerForgotten({ handler }: { handler: string }) {
      if ((records.get(handler)?.pids.length ?? 0) > 0) return
      records.delete(handler)
      metrics.handler_running.remove({ handler })
    },
    /** A line the handler wrote: through `log`, or to stdout or stderr. */
    handlerWrote({ level, text, fields, ...about }: WrittenLine) {
      const told = fields ? { ...about, fields: boundFields(fields) } : about
      log[level](told, `[${about.handler}] ${tameLines(text)}`)
    },
    /** A file of its code has changed, and it was loaded anew; `problem` says why it could not be. */
    handlerCodeChanged({ handler, file, problem, isRunning }: CodeChange) {
      const what = `${relative(process.cwd(), file)} changed`
      if (problem === undefined) return log.info({ handler, file }, `${what}: ${handler} runs anew`)
      const left = isRunning ? 'the code from before goes on' : 'it does not run'
      const fields = { handler, file, error: tameLines(problem) }
      log.error(fields, `${what}, and ${handler} cannot be loaded: ${left}`)
    },
    /** Lines dropped because the handler wrote too many. */
    handlerOutputDropped: line<{ handler: string; lines: number }>(
      'warn',
      'handler wrote too much; lines dropped',
      ({ handler, lines }) => metrics.handler_dropped_lines_total.inc({ handler }, lines),
    ),
  }
}

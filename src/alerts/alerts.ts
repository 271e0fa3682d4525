import type { AlertObserver } from '../observe/observer.ts'
import { shareAnswer } from '../share-answer.ts'
import { type AlertMemory, type MemoryKeeper, noteGrowth } from './alert-memory.ts'
import type { Cause, Figures } from './cause.ts'
import { findCauses } from './causes.ts'
import type { ReadFigures } from './read-figures.ts'
import { AlertFailure, type AlertMessage, type AlertTarget, type sendAlert } from './send-alert.ts'
import { findSilences, noteSilences, type WatchedSource } from './silences.ts'
import { noteTold, type Telling, takeCauses } from './telling.ts'

const LOOK_EVERY_MS = 10_000
/** A start has more urgent things to do. */
const FIRST_LOOK_MS = 1_000

interface AlertsOptions {
  readonly readFigures: () => Promise<ReadFigures>
  readonly memory: MemoryKeeper
  /** The configured ones of this moment. */
  readonly sources: () => readonly WatchedSource[]
  /** Undefined: nobody is told. */
  readonly target: () => AlertTarget | undefined
  readonly send: typeof sendAlert
  /** Which receiver tells it. */
  readonly receiver: string
  readonly observer: AlertObserver
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Between two looks. Default 10 s. */
  readonly everyMs?: number | undefined
}

/** How the receiver is. */
export interface Verdict {
  /** In the order in which somebody should look at them; empty: all is well. */
  readonly causes: readonly (Cause & { readonly since: number })[]
}

export type Alerts = ReturnType<typeof createAlerts>

/**
 * Looks every few seconds for what a person is needed for, and tells it: when it begins, when it is
 * over. Nothing waits for it. Several replicas tell it once: whoever writes first into what they share
 * tells it. While they cannot, each tells for itself.
 */
export function createAlerts(options: AlertsOptions) {
  const { memory, observer, now, receiver, everyMs = LOOK_EVERY_MS } = options
  const stopping = new AbortController()
  let watchedSince = now()
  const readFigures = shareAnswer(options.readFigures)
  let known: AlertMemory | undefined
  let lastAt: Readonly<Record<string, number>> = {}
  let timer: NodeJS.Timeout | undefined

  function assess(read: ReadFigures, before: AlertMemory) {
    const { at, lastBatches } = read
    // A clock that was set back must not leave it to come.
    watchedSince = Math.min(watchedSince, at)
    const look = { at, watchedSince, lastAt: lastBatches }
    const sources = noteSilences(before.sources, lastAt, look)
    const grown = noteGrowth(before.grown, read.store, at)
    const wasSilent = (source: string) => before.causes[`source_silent:${source}`]?.told === 'began'
    const figures: Figures = {
      ...read,
      grewAt: { quarantined: grown.quarantined?.at ?? 0, conflicts: grown.conflicts?.at ?? 0 },
      silences: findSilences(options.sources(), sources, { ...look, wasSilent }),
    }
    return { memory: { ...before, sources, grown }, causes: findCauses(figures) }
  }

  /** Looks once, and tells what is to be told. */
  async function look(): Promise<void> {
    const read = await readFigures()
    const found = assess(read, await memory.read())
    const target = options.target()
    const rules = { at: read.at, everyMs, watchedSince, isTold: target !== undefined }
    const { causes, tellings } = takeCauses(found.memory.causes, found.causes, rules)
    if (!(await memory.write({ ...found.memory, causes }))) return
    known = { ...found.memory, causes }
    lastAt = read.lastBatches
    if (target) await tellAll(tellings, target)
  }

  async function tellAll(tellings: readonly Telling[], target: AlertTarget): Promise<void> {
    for (const telling of tellings) {
      const { cause, state } = telling
      try {
        const { signal } = stopping
        await options.send(target, toMessage(telling, receiver), { now: now(), signal })
      } catch (error) {
        if (stopping.signal.aborted) return
        const detail = error instanceof AlertFailure ? error.message : 'unknown error'
        // The others would fail as well, and each would take its time.
        return observer.alertFailed({ cause, detail })
      }
      observer.alertSent({ cause, state })
      await memory.change((one) => ({ ...one, causes: noteTold(one.causes, telling, now()) }))
    }
  }

  function lookIn(ms: number): void {
    if (stopping.signal.aborted) return
    timer = setTimeout(() => {
      void look()
        .catch(() => {})
        .then(() => lookIn(everyMs))
    }, ms).unref()
  }

  const readVerdict = async (): Promise<Verdict> => {
    const read = await readFigures()
    const before = known ?? (await memory.read())
    const { causes } = assess(read, before)
    const beganAt = ({ cause, since }: Cause) => since ?? before.causes[cause]?.since ?? read.at
    return { causes: causes.map((cause) => ({ ...cause, since: beganAt(cause) })) }
  }

  return {
    start: () => lookIn(Math.min(FIRST_LOOK_MS, everyMs)),
    /** How it is at this moment. Questions that come while one is being answered share its answer. */
    verdict: shareAnswer(readVerdict),
    look,
    /** Cuts what is under way. */
    stop() {
      stopping.abort()
      clearTimeout(timer)
    },
  }
}

function toMessage({ remedy, ...telling }: Telling, receiver: string): AlertMessage {
  const text = telling.state === 'ended' ? telling.text : `${telling.text} ${remedy}`
  return { ...telling, receiver, text }
}

import type { Attributes } from '@opentelemetry/api'
import type { Logger } from 'pino'
import { coarseAddress } from '../address.ts'
import { tameLines, tameText } from './log-text.ts'
import type { MetricSet } from './metric-list.ts'

/** With what a fact is told: its log line, its figures, its span. */
export interface Telling {
  readonly log: Logger
  /** Makes the function of a fact that is one line, with what counts it. */
  readonly line: MakeTeller<'debug' | 'info' | 'warn' | 'error', object>
  /** Likewise for what strangers or a full disk could make endless. */
  readonly sampled: MakeTeller<'warn' | 'error', { readonly code: string }>
  readonly metrics: MetricSet
  /** Undefined: nobody wants traces. */
  readonly spans: Spans | undefined
}

type MakeTeller<Level extends string, Known extends object> = <
  Fact extends Known = Known & Readonly<Record<string, unknown>>,
>(
  level: Level,
  text: string,
  count?: (fact: Fact) => void,
) => (fact: Fact) => void

/** `now` is milliseconds since 1970. */
export function createTelling(
  parts: Pick<Telling, 'log' | 'metrics' | 'spans'>,
  now: () => number,
): Telling {
  const { log } = parts
  const admit = createSampling(now)
  return {
    ...parts,
    line: (level, text, count) => (fact) => {
      log[level](showFields(fact), text)
      count?.(fact)
    },
    sampled: (level, text, count) => (fact) => {
      const suppressed = admit(`${text}: ${fact.code}`)
      const told = suppressed ? { ...fact, suppressed } : fact
      if (suppressed !== undefined) log[level](showFields(told), text)
      count?.(fact)
    },
  }
}

/**
 * The fields of a fact as they stand in its line: what strangers wrote is tamed, and of an address
 * only its network is told.
 */
function showFields(fact: object): object {
  const { code, detail, address, error, ...others }: FieldsOfStrangers = fact
  return {
    reason: code,
    detail: detail === undefined ? undefined : tameText(detail),
    network: address === undefined ? undefined : coarseAddress(address),
    error: error === undefined ? undefined : tameLines(error),
    ...others,
  }
}

/** They mean the same in every fact. */
interface FieldsOfStrangers {
  readonly code?: string
  readonly detail?: string
  readonly address?: string
  readonly error?: string
}

/** Something that was done for a batch, and ended now. It holds nothing that the log would not. */
export interface EndedSpan {
  /** A UUID. */
  readonly batch: string
  readonly name: string
  readonly durationMs: number
  /** By their names behind `webhook.`. */
  readonly attributes: Attributes
  /** Why it failed. */
  readonly error?: string | undefined
}

export interface Spans {
  /** The span in which the others of its batch are. */
  addFirst(span: EndedSpan): void
  add(span: EndedSpan): void
}

const LINES_PER_SECOND = 5

/**
 * At most a few lines a second of one kind. Answers how many were held back since the last one let
 * through; undefined: hold this one back.
 */
function createSampling(now: () => number): (kind: string) => number | undefined {
  const kinds = new Map<string, { since: number; admitted: number; heldBack: number }>()

  return (kind) => {
    const time = now()
    const known = kinds.get(kind) ?? { since: time, admitted: 0, heldBack: 0 }
    kinds.set(kind, known)
    // A clock set back must not silence a kind until it has caught up.
    if (time - known.since >= 1_000 || time < known.since) {
      known.since = time
      known.admitted = 0
    }
    if (known.admitted >= LINES_PER_SECOND) {
      known.heldBack += 1
      return undefined
    }
    known.admitted += 1
    const { heldBack } = known
    known.heldBack = 0
    return heldBack
  }
}

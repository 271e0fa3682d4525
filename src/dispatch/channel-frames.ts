import type { HandlerSettings, ProviderName } from '../model.ts'

/*
 * What the receiver and a handler's process tell each other.
 *
 * Parent to child: frames of `u32 length of head | u32 length of rest | head as JSON | rest`, all
 * little-endian. A head is an order, or describes a page. The rest of a page is an index, then the
 * bytes as they were received. The index has for each event `u32 start | u32 length | 16 bytes of
 * key`; the start is counted from the end of the index.
 *
 * Child to parent: one JSON object a line, see `child-frame.ts`. Events go by page and index, so that a child can end only
 * what it was given.
 *
 * How far it is the child writes into a file without a name, which the parent reads when it is told
 * to, when the process has ended, and to see whether an attempt overruns. So a crash is charged to
 * what was under way, and no message has to be sent before an event starts: a write of a few bytes
 * into the page cache takes 1.5 µs, a message to a busy thread twenty times as much. A page has a slot
 * of the file, with an entry for each of its events.
 */

/** What events of one batch have in common. */
export interface PagePart {
  readonly provider: ProviderName
  readonly source: string
  readonly receivedAt: number
  /** 1 for the first attempt. */
  readonly attempt: number
  readonly events: number
}

/** Describes a page: at most 500 events, counted through all parts from index 0. */
export interface PageHead {
  readonly page: number
  /** Where in the progress file its entries are. */
  readonly slot: number
  /** To be run while no other event runs. Such a page has one event. */
  readonly isAlone: boolean
  readonly parts: readonly PagePart[]
}

export interface ParentOrder {
  /** The first frame: with it the handler is loaded. */
  readonly begin?: HostSettings
  /** Abort the signals of all that runs. */
  readonly abort?: true
  /** Give back what has not started, and say `recalled`. */
  readonly recall?: true
  /** Give back what has not started, finish what runs, then exit. */
  readonly stop?: true
}

export const HEAD_BYTES = 8
export const INDEX_BYTES = 24
export const MAX_PAGE_EVENTS = 500

/**
 * What the child needs besides the module. It may hold secrets, so it is no argument and in no
 * environment, which other processes can read.
 */
export interface HostSettings
  extends Pick<HandlerSettings, 'concurrency' | 'timeoutMs' | 'builtIn'> {
  /** The parent wants to know which files the module is loaded from. Default false. */
  readonly tellsCode?: boolean
}

/** An `onBatch` handler has its concurrency within. */
export function chooseConcurrency(given: number | undefined, takesBatches: boolean): number {
  return given ?? (takesBatches ? 1 : 10)
}

/** The descriptor by which the child has the progress file. */
export const PROGRESS_FD = 4
export const SLOT_BYTES = 4 * MAX_PAGE_EVENTS

/**
 * What an entry says of its event. Beside it is a number of milliseconds: when it was started, by
 * `machineMs`; how long it took.
 */
export const PROGRESS = { waiting: 0, started: 1, done: 2, failed: 3, returned: 4 } as const

const KIND_BITS = 3

export const toEntry = (kind: number, ms: number): number => ((ms << KIND_BITS) | kind) >>> 0
export const kindOf = (entry: number): number => entry & 7
export const msOf = (entry: number): number => entry >>> KIND_BITS

/** How long ago it was started. An entry holds the lower 29 bits of a time, enough for three days. */
export function ageOf(entry: number, now: number): number {
  return ((now - msOf(entry)) << KIND_BITS) >> KIND_BITS
}

/** Milliseconds of a clock that all processes of the machine share. */
export function machineMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}

/** A duration for people: `200 ms`, `10 s`. */
export function showDuration(durationMs: number): string {
  return durationMs < 1_000 ? `${durationMs} ms` : `${durationMs / 1_000} s`
}

/** How the failure of an attempt that has overrun its time is told. */
export const describeOverrun = (timeoutMs: number): string =>
  `timed out after ${showDuration(timeoutMs)}`

/** Of one frame. Each may be of 20 kB and more, however short its text was before it was escaped. */
export const MAX_FAILURES = 25
export const MAX_LOGS = 25
/** Lines of output and log that are passed on; the rest is dropped and counted, at both ends. */
export const LINES_PER_SECOND = 1_000
/** More than a process has in its hands. */
export const MAX_PAGES = 1_100
/** Of a module's files. */
export const MAX_FILES = 2_000

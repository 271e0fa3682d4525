import * as z from 'zod'
import { MAX_KEY_CHARACTERS, MAX_KEYS } from '../handlers/event-keys.ts'
import { MAX_FAILURES, MAX_FILES, MAX_LOGS, MAX_PAGE_EVENTS, MAX_PAGES } from './channel-frames.ts'

/*
 * What a handler's process may tell the receiver. Only the receiver checks it: what the schema is made with
 * would take the process a part of its start.
 */

const MAX_PATH_CHARACTERS = 4_096
/** A day. */
const MAX_AFTER_MS = 86_400_000

const text = z.string().max(20_000)

/** Counted before its items are looked at: a schema would collect a fault for each of them. */
function list<Item extends z.ZodType>(item: Item, max: number) {
  return z
    .custom<unknown[]>((value) => Array.isArray(value) && value.length <= max)
    .pipe(z.array(item))
}

/** Child to parent; any fields together. */
export const childFrame = z.strictObject({
  /** The module is loaded. First frame of a good start. */
  ready: z
    .strictObject({
      name: z.string().min(1).max(200),
      keys: list(z.string().max(MAX_KEY_CHARACTERS), MAX_KEYS),
      takesBatches: z.boolean(),
      /** Of one call at the most. */
      callEvents: z.int().min(1).max(MAX_PAGE_EVENTS),
    })
    .optional(),
  /**
   * The files that the module was loaded from, packages left out, as far as it came; and when that began.
   * With `ready` or `failed`, and again when more of them are loaded.
   */
  code: z
    .strictObject({
      files: list(z.string().max(MAX_PATH_CHARACTERS), MAX_FILES),
      since: z.number(),
    })
    .optional(),
  /** The module cannot be used: it is `invalid` by our rules, or would not `load`. */
  failed: z
    .strictObject({ kind: z.enum(['invalid', 'load']), problems: list(text, 100) })
    .optional(),
  /**
   * Of these the progress file has news: what is done, or given back when it was asked for. Told when
   * a page has ended, and after a second at the latest.
   */
  pages: list(z.int(), MAX_PAGES).optional(),
  /** So many orders to recall are carried out: what was given back is told with this at the latest. */
  recalled: z.int().min(1).optional(),
  failures: list(
    z.strictObject({
      page: z.int(),
      at: z.int(),
      kind: z.enum(['retry', 'dead']),
      error: text,
      /** It is not to be tried again sooner. */
      afterMs: z.number().min(0).max(MAX_AFTER_MS).optional(),
      ms: z.number(),
    }),
    MAX_FAILURES,
  ).optional(),
  logs: list(
    z.strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']),
      text,
      fields: z.record(z.string(), z.unknown()).optional(),
      /** Of the event for whose attempt it was written; of a call with several, the first of `events`. */
      page: z.int().optional(),
      at: z.int().optional(),
      events: z.int().optional(),
    }),
    MAX_LOGS,
  ).optional(),
  droppedLogs: z.int().min(1).optional(),
  /** Why the process is about to end by itself. */
  ending: text.optional(),
})

export type ChildFrame = z.infer<typeof childFrame>
export type ReadyFacts = NonNullable<ChildFrame['ready']>
export type LoadedCode = NonNullable<ChildFrame['code']>
export type LogLine = NonNullable<ChildFrame['logs']>[number]
export type LoadFailure = NonNullable<ChildFrame['failed']>

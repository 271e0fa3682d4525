import { HANDLER_NAME } from '../model.ts'
import { checkKey, MAX_KEYS } from './event-keys.ts'
import type {
  AttemptInfo,
  BatchContext,
  EventFor,
  EventKey,
  HandlerContext,
} from './handler-context.ts'

/** Shared by every copy of this package. */
const HANDLER = Symbol.for('mailtrap-receiver.handler')

/** Events that `onBatch` gets at once. */
export const MAX_BATCH = 500

/** One function per key. At most one runs per event: that of the most specific key. */
export type HandlersByKey = {
  readonly [Key in EventKey]?: (event: EventFor<Key>, context: HandlerContext) => unknown
}

/** One of the events given to `onBatch`. */
export type BatchItem<Key extends EventKey> = Key extends EventKey
  ? AttemptInfo & {
      /** Return it to have this event tried again. */
      readonly id: string
      /** The one of `events` that brought it: tells the type of `event`. */
      readonly matched: Key
      readonly event: EventFor<Key>
    }
  : never

/** Nothing when all are done, or the ids of those that failed. */
// biome-ignore lint/suspicious/noConfusingVoidType: `async (items) => save(items)` is right, and void.
export type BatchAnswer = readonly string[] | undefined | void

interface NamedSpec {
  /**
   * Lower case letters, digits, `.`, `_` and `-`; at most 64. Jobs are kept under this name, so a
   * renamed handler is a new one. Default: the name of the module's file.
   */
  readonly name?: string
}

/** A handler that takes one event at a time. */
export interface EventHandlerSpec extends NamedSpec {
  readonly on: HandlersByKey
  readonly events?: never
  readonly batchSize?: never
  readonly onBatch?: never
}

/** A handler that takes up to 500 events at once. */
export interface BatchHandlerSpec<Key extends EventKey> extends NamedSpec {
  /** Which events it wants. Default: all, `['*']`. */
  readonly events?: readonly Key[]
  /** How many it takes at once, at most. Default and maximum: 500. */
  readonly batchSize?: number | undefined
  /** When it throws, all are tried again; when it returns ids, only these are. */
  readonly onBatch: (
    items: readonly BatchItem<Key>[],
    context: BatchContext,
  ) => BatchAnswer | Promise<BatchAnswer>
  readonly on?: never
}

/** A handler, made by `defineHandler`; the default export of a handler module. */
export interface Handler {
  /** Undefined: named after its file. */
  readonly name: string | undefined
  readonly keys: readonly string[]
  /** The functions, as given. Their types were checked when they were defined. */
  readonly on: Readonly<Record<string, (event: never, context: HandlerContext) => unknown>>
  readonly onBatch: BatchFunction | undefined
  /** Undefined: 500. */
  readonly batchSize: number | undefined
}
type BatchFunction = (items: never, context: BatchContext) => unknown

/**
 * Defines a handler: what to do with which events. Give either `on`, a function per kind of event,
 * or `onBatch`, one function for many events.
 *
 * A function that returns has done its work. One that throws, or takes too long, is tried again by
 * the retry schedule; one that throws a PermanentError is not. An event may come again, if the
 * process died before its success was recorded: make use of `idempotencyKey`.
 *
 * @throws TypeError that names every problem, should the compiler not have found it.
 */
export function defineHandler<const Key extends EventKey = '*'>(
  spec: EventHandlerSpec | BatchHandlerSpec<Key>,
): Handler {
  const problems = findProblems(spec)
  if (problems.length > 0) throw new TypeError(`defineHandler: ${problems.join(' ')}`)
  const handler = {
    [HANDLER]: true,
    name: spec.name,
    keys: spec.on ? Object.keys(spec.on) : [...(spec.events ?? ['*'])],
    on: { ...spec.on } as Handler['on'],
    onBatch: spec.onBatch as BatchFunction | undefined,
    batchSize: spec.batchSize,
  }
  return Object.freeze(handler)
}

/** Whether `value` was made by `defineHandler`, of any copy of this package. */
export function isHandler(value: unknown): value is Handler {
  return typeof value === 'object' && value !== null && HANDLER in value
}

/** What is wrong with a handler's name, as a sentence; undefined when it is right. */
export function checkHandlerName(name: unknown): string | undefined {
  if (typeof name === 'string' && HANDLER_NAME.test(name)) return undefined
  return `The name ${JSON.stringify(name)} is not allowed: use lower case letters, digits, dots, dashes and underscores, at most 64, a letter or digit first.`
}

/** The same as the types say, for those who write JavaScript. */
function findProblems(given: unknown): string[] {
  if (typeof given !== 'object' || given === null)
    return ['Give it an object with `on` or `onBatch`.']
  const spec: Readonly<Record<string, unknown>> = { ...given }
  const problems = [
    ...findUnknownOptions(spec),
    ...listOf(spec.name === undefined ? undefined : checkHandlerName(spec.name)),
  ]
  if ((spec.on === undefined) === (spec.onBatch === undefined)) {
    return [...problems, 'Give exactly one of `on` and `onBatch`.']
  }
  return [...problems, ...(spec.on === undefined ? checkOnBatch(spec) : checkOn(spec))]
}

function listOf(problem: string | undefined): string[] {
  return problem === undefined ? [] : [problem]
}

function findUnknownOptions(spec: object): string[] {
  return Object.keys(spec)
    .filter((option) => !['name', 'on', 'events', 'onBatch', 'batchSize'].includes(option))
    .map((option) => `There is no option \`${option}\`.`)
}

function checkOn({ on, events, batchSize }: Readonly<Record<string, unknown>>): string[] {
  if (batchSize !== undefined) return ['`batchSize` belongs to `onBatch`.']
  if (events !== undefined)
    return ['`events` belongs to `onBatch`; the keys of `on` say it already.']
  if (typeof on !== 'object' || on === null)
    return ['`on` must be an object: a function per event.']
  if (Object.keys(on).length === 0) return ['`on` is empty: name at least one event, or `*`.']
  const entries = Object.entries(on)
  if (entries.length > MAX_KEYS) return [tooManyKeys('on', entries.length)]
  return entries.flatMap(([key, run]) => [
    ...listOf(checkKey(key)),
    ...(typeof run === 'function' ? [] : [`\`on\` must have a function for \`${key}\`.`]),
  ])
}

function checkOnBatch(spec: Readonly<Record<string, unknown>>): string[] {
  const { events, onBatch, batchSize = MAX_BATCH } = spec
  if (typeof onBatch !== 'function') return ['`onBatch` must be a function.']
  if (!Number.isInteger(batchSize) || Number(batchSize) < 1 || Number(batchSize) > MAX_BATCH) {
    return [`\`batchSize\` must be a whole number from 1 to ${MAX_BATCH}.`]
  }
  if (events === undefined) return []
  if (!Array.isArray(events) || events.length === 0) {
    return ['`events` must be a list of at least one event, or left out to take all.']
  }
  if (events.length > MAX_KEYS) return [tooManyKeys('events', events.length)]
  return events.flatMap((key) =>
    typeof key === 'string' ? listOf(checkKey(key)) : ['`events` must hold texts only.'],
  )
}

function tooManyKeys(option: string, count: number): string {
  const [many, most] = [count, MAX_KEYS].map((number) => number.toLocaleString('en'))
  return `\`${option}\` has ${many} keys; no more than ${most} are possible.`
}

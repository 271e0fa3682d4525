import {
  type HandlerRegistration,
  NORMALISED_NAMES,
  type NormalisedName,
  type Where,
} from '../model.ts'
import { findNearestWord } from '../nearest-word.ts'
import { MAILINGAPI_EVENT_NAMES } from '../providers/mailingapi/events.ts'
import { MAILTRAP_NORMALISED, unifyName } from '../providers/mailtrap/describe-event.ts'
import { MAILTRAP_AUDIT_PREFIX, MAILTRAP_EVENT_NAMES } from '../providers/mailtrap/events.ts'

const AUDIT_KEY = /^activity_log(\.[^\s.*]+)*\.([^\s.*]+|\*)$/
export const EVERY_EVENT = '*'

/** Far more than there are events. */
export const MAX_KEYS = 1_000
export const MAX_KEY_CHARACTERS = 200

const NORMALISED: ReadonlySet<string> = new Set(NORMALISED_NAMES)

const NAMES: readonly string[] = [
  ...MAILTRAP_EVENT_NAMES,
  ...MAILINGAPI_EVENT_NAMES,
  ...NORMALISED_NAMES,
]

/** Every key but those of audit events, whose names the provider does not list. */
export const KNOWN_KEYS: readonly string[] = [...NAMES, EVERY_EVENT]

/** Spellings that are right elsewhere, besides those of Mailtrap's interfaces. */
const OTHER_SPELLINGS: ReadonlyMap<string, string> = new Map([
  ['activity_log*', 'activity_log.*'],
  ['activity_log', 'activity_log.*'],
  ['audit.*', 'activity_log.*'],
  ...[...MAILTRAP_NORMALISED].map(([type, name]): [string, string] => [`email.${type}`, name]),
])

/** What identifies the events a key stands for. */
export interface NamedEvent {
  readonly type: string
  readonly name: NormalisedName | undefined
}

/** What is wrong with a key, as a sentence; undefined when it is right. */
export function checkKey(key: string): string | undefined {
  if (key.length > MAX_KEY_CHARACTERS) {
    return `The key \`${key.slice(0, 50)}…\` has ${key.length} characters, and may have ${MAX_KEY_CHARACTERS}.`
  }
  if (KNOWN_KEYS.includes(key) || AUDIT_KEY.test(key)) return undefined
  const meant = OTHER_SPELLINGS.get(key.toLowerCase()) ?? findNearestWord(unifyName(key), NAMES)
  if (meant !== undefined) return `There is no event \`${key}\`. Did you mean \`${meant}\`?`
  if (key.startsWith(MAILTRAP_AUDIT_PREFIX)) {
    return `\`${key}\` is no audit key. Write a whole name, or end it with \`.*\`: \`activity_log.user.*\`.`
  }
  return `There is no event \`${key}\`. Known are: ${KNOWN_KEYS.join(', ')} and activity_log.*.`
}

/**
 * The one of `keys` that takes the event, or undefined. The most specific wins: the provider's
 * name, the longest audit wildcard, the normalised name, then `*`.
 */
export function chooseKey(keys: readonly string[], event: NamedEvent): string | undefined {
  const { type, name } = event
  if (keys.includes(type) && isProviderName(type)) return type
  const wildcard = findLongestWildcard(keys, type)
  if (wildcard !== undefined) return wildcard
  if (name !== undefined && keys.includes(name)) return name
  return keys.includes(EVERY_EVENT) ? EVERY_EVENT : undefined
}

/** Whether a key brings events in the form that is the same for every provider. */
export function isNormalisedKey(key: string): boolean {
  return NORMALISED.has(key)
}

/** A provider may invent an event called `email.bounced` or `*`; our own names stay ours. */
function isProviderName(type: string): boolean {
  return type !== EVERY_EVENT && !isNormalisedKey(type)
}

function findLongestWildcard(keys: readonly string[], type: string): string | undefined {
  if (!type.startsWith(MAILTRAP_AUDIT_PREFIX)) return undefined
  let longest: string | undefined
  for (const key of keys) {
    if (!key.endsWith('.*') || !type.startsWith(key.slice(0, -1))) continue
    if (longest === undefined || key.length > longest.length) longest = key
  }
  return longest
}

const MAX_REMEMBERED = 1_000
const MAX_REMEMBERED_CHARACTERS = 200

/**
 * Remembers what was found for a name, because a provider sends the same few all day, but not without
 * bound: the names come from outside.
 */
export function rememberNames<Value>(): (name: string, find: () => Value) => Value {
  const remembered = new Map<string, Value>()
  return (name, find) => {
    const known = remembered.get(name)
    if (known !== undefined) return known
    const found = find()
    if (name.length > MAX_REMEMBERED_CHARACTERS) return found
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    remembered.set(name, found)
    return found
  }
}

/**
 * Names of the handlers that want an event; `content` is the event as received. Without it `where` is
 * not looked at.
 */
type Routes = (event: NamedEvent, content?: Readonly<Record<string, unknown>>) => readonly string[]

interface Route {
  readonly handlers: readonly string[]
  /** By handler; undefined: none of them looks at the content. */
  readonly checks: ReadonlyMap<string, WhereCheck> | undefined
}

/** Answers which handlers want an event. */
export function createRoutes(
  registrations: readonly Pick<HandlerRegistration, 'name' | 'keys' | 'where'>[],
): Routes {
  const recall = rememberNames<Route>()
  const allChecks = new Map<string, WhereCheck>()
  for (const { name, where } of registrations) {
    if (where) allChecks.set(name, createWhereCheck(where))
  }

  function findRoute(event: NamedEvent): Route {
    const handlers = registrations
      .filter(({ keys }) => chooseKey(keys, event) !== undefined)
      .map(({ name }) => name)
    const hasChecks = handlers.some((name) => allChecks.has(name))
    return { handlers, checks: hasChecks ? allChecks : undefined }
  }

  return (event, content) => {
    const { type, name = '' } = event
    const { handlers, checks } = recall(`${name}\n${type}`, () => findRoute(event))
    if (checks === undefined || content === undefined) return handlers
    return handlers.filter((name) => checks.get(name)?.(content) ?? true)
  }
}

type Fields = Readonly<Record<string, unknown>>

/** Whether an event, as received, is one that such a handler wants. */
type WhereCheck = (event: Fields) => boolean

/**
 * Prepares a check of all fields. Values are compared as text, so that 550 is "550"; where an event has
 * a list, one of its values suffices. What is no text, number or switch equals nothing.
 */
export function createWhereCheck(where: Where): WhereCheck {
  const conditions = Object.entries(where).map(([field, values]) => ({
    path: field.split('.'),
    values: new Set(values),
  }))
  return (event) => conditions.every(({ path, values }) => isOneOf(valueAt(event, path), values))
}

function valueAt(event: Fields, path: readonly string[]): unknown {
  let value: unknown = event
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Fields)[key]
  }
  return value
}

function isOneOf(value: unknown, values: ReadonlySet<string>): boolean {
  if (Array.isArray(value)) return value.some((one) => !Array.isArray(one) && isOneOf(one, values))
  const isPlain = ['string', 'number', 'boolean'].includes(typeof value)
  return isPlain && values.has(String(value))
}

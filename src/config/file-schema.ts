import { BUILT_IN_KINDS, PROVIDER_NAMES, SECRET_FORMS } from '../model.ts'
import { findNearestWord } from '../nearest-word.ts'
import {
  asText,
  orFalse,
  orNone,
  readFileEventKeys,
  readFileHandlerName,
  readFileRate,
  readFileRedact,
  readFileSecret,
  readFileSecrets,
  readFileSilence,
  readFileText,
  readFileWhere,
  readFileWord,
} from './file-values.ts'
import { readAllowedBlocks, readForwardFormat } from './plain-values.ts'
import { WrongValue } from './problems.ts'
import { readWholeNumber, sizeWithin } from './quantities.ts'
import { readTimeout, readWaits, SETTINGS } from './settings-table.ts'

/** Reads a value of the file. Throws `WrongValue` when it is wrong as a whole. */
type Read<Value> = (value: unknown, readWithin: ReadWithin) => Value

/** Reads what such a value holds; undefined, with a problem more, when that is wrong. */
export type ReadWithin = <Value>(
  key: string,
  value: unknown,
  read: Read<Value>,
) => Value | undefined

const SEE_README = 'See the settings in the README.'

const SOURCE = {
  provider: readFileWord(PROVIDER_NAMES),
  secrets: readFileSecrets,
  /** None: every address. */
  allowIps: orNone(asText(readAllowedBlocks)),
  basicAuth: orFalse(readFileSecret),
  urlToken: orFalse(readFileSecret),
  toleranceSeconds: wholeNumber(1, 86_400),
  secretForm: readFileWord(SECRET_FORMS),
  silentAfter: readFileSilence,
  /** `false`: everything is kept, whatever is said of the others. */
  redact: orFalse(readFileRedact),
}

const HANDLER = {
  module: readFileText,
  forward: readFileSecret,
  table: keys(
    { url: readFileSecret, name: readFileText },
    'is no list of keys: it needs url and name',
    ['url', 'name'],
  ),
  publish: keys(
    { url: readFileSecret, subject: readFileText, exchange: readFileText },
    'is no list of keys: it needs url, and subject or exchange',
    ['url'],
  ),
  name: readFileHandlerName,
  events: readFileEventKeys,
  where: readFileWhere,
  rate: readFileRate,
  format: asText(readForwardFormat),
  secret: readFileSecret,
  headers: each(readFileSecret, 'is no list of headers'),
  ca: readFileText,
  batchSize: wholeNumber(1, 500),
  concurrency: wholeNumber(1, 1_000),
  timeout: asText(readTimeout),
  /** None: no second attempt. */
  retry: orNone(asText(readWaits)),
  memory: asText(sizeWithin('32MB', '64GB')),
}

/** One entry below `sources:`. */
export type FileSource = ReturnType<typeof readSource>
/** One entry below `handlers:`. */
export type FileHandler = ReturnType<typeof readHandlerKeys>

const readSource = keys(SOURCE, 'is no list of keys', ['provider'])
const readHandlerKeys = keys(HANDLER, 'is neither a path nor a list of keys')
const KINDS = ['module', ...BUILT_IN_KINDS] as const

/** Undefined: the key that makes it a handler is misspelt, or holds what is wrong. */
function readHandler(given: unknown, readWithin: ReadWithin): FileHandler | undefined {
  const value = typeof given === 'string' ? { module: given } : given
  const entry = readHandlerKeys(value, readWithin)
  const givenKeys = Object.keys(Object(value))
  const [kind, other] = KINDS.filter((one) => givenKeys.includes(one))
  if (!kind && givenKeys.some((key) => !Object.hasOwn(HANDLER, key))) return undefined
  if (!kind) throw new WrongValue('names no handler', `Give one of ${KINDS.join(', ')}.`)
  if (!other) return entry[kind] === undefined ? undefined : entry
  throw new WrongValue(`has both ${kind} and ${other}`, 'Make two entries of it.')
}

/** A wrong one keeps its place. */
function readHandlers(given: unknown, readWithin: ReadWithin): (FileHandler | undefined)[] {
  const entries = typeof given === 'string' ? [given] : given
  if (!Array.isArray(entries)) throw new WrongValue('is no list of modules', SEE_README)
  if (entries.length === 0) throw new WrongValue('is empty', SEE_README)
  return entries.map((entry, index) => readWithin(String(index), entry, readHandler))
}

/** Settings of the table stay as YAML gives them: they are read with the environment's. */
const SETTING_READERS: Readonly<Record<string, Read<unknown>>> = Object.fromEntries(
  SETTINGS.filter(({ name }) => name !== 'CONFIG_FILE' && name !== 'HANDLERS').map(
    ({ fileKey }) => [fileKey, (value: unknown) => value],
  ),
)

/** The whole file. */
export const readFileKeys = keys(
  {
    sources: each(readSource, 'is no list of sources'),
    handlers: readHandlers,
    redact: readFileRedact,
    ...SETTING_READERS,
  },
  'holds no settings of the form name: value',
)

/** The keys that an entry below these may have. */
export const ENTRY_KEYS = { sources: Object.keys(SOURCE), handlers: Object.keys(HANDLER) }

/** Reads a list of these keys; what is wrong of it counts as not given. Of those that are `needed` it is told. */
function keys<Readers extends Readonly<Record<string, Read<unknown>>>>(
  readers: Readers,
  problem: string,
  needed: readonly (keyof Readers)[] = [],
): Read<{ readonly [Key in keyof Readers]?: ReturnType<Readers[Key]> | undefined }> {
  const known = Object.keys(readers)
  const refuseUnknown = (key: string) => {
    const meant = findNearestWord(key, known)
    const remedy = meant ? `Did you mean ${meant}?` : `Known here: ${known.join(', ')}.`
    throw new WrongValue('is no setting', remedy)
  }
  return (value, readWithin) => {
    const given = readRecord(value, problem)
    const entries = Object.entries(readers).flatMap(([key, read]) => {
      if (given[key] === undefined && !needed.includes(key)) return []
      const right = readWithin(key, given[key], read)
      return right === undefined ? [] : [[key, right]]
    })
    for (const key of Object.keys(given)) {
      if (!known.includes(key)) readWithin(key, key, () => refuseUnknown(key))
    }
    return Object.fromEntries(entries)
  }
}

/** Reads a list of names, each with such a value; those that are wrong are left out. */
function each<Value>(read: Read<Value>, problem: string): Read<Record<string, Value>> {
  return (value, readWithin) => {
    const entries = Object.entries(readRecord(value, problem)).flatMap(([name, one]) => {
      const right = readWithin(name, one, read)
      return right === undefined ? [] : [[name, right] as const]
    })
    return Object.fromEntries(entries)
  }
}

function readRecord(value: unknown, problem: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new WrongValue(problem, SEE_README)
}

function wholeNumber(min: number, max: number) {
  return asText((text) => readWholeNumber(text, min, max))
}

import * as z from 'zod'
import { BUILT_IN_KINDS, PROVIDER_NAMES, SECRET_FORMS } from '../model.ts'
import { readAllowedBlocks } from './addresses.ts'
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
import { readForwardFormat } from './handlers/forward-values.ts'
import { readWholeNumber, sizeWithin } from './quantities.ts'
import { SETTINGS } from './setting-names.ts'
import { readTimeout, readWaits } from './settings-schema.ts'
import { readWith, WrongValue } from './wrong-value.ts'

const sourceShape = {
  provider: required(readFileWord(PROVIDER_NAMES)),
  secrets: optional(readFileSecrets),
  /** None: every address. */
  allowIps: optional(orNone(asText(readAllowedBlocks))),
  basicAuth: optional(orFalse(readFileSecret)),
  urlToken: optional(orFalse(readFileSecret)),
  toleranceSeconds: wholeNumber(1, 86_400),
  secretForm: optional(readFileWord(SECRET_FORMS)),
  silentAfter: optional(readFileSilence),
  /** `false`: everything is kept, whatever is said of the others. */
  redact: optional(orFalse(readFileRedact)),
}

const handlerShape = {
  module: optional(readFileText),
  forward: optional(readFileSecret),
  table: z
    .strictObject(
      { url: required(readFileSecret), name: required(readFileText) },
      'is no list of keys: it needs url and name',
    )
    .optional(),
  publish: z
    .strictObject(
      {
        url: required(readFileSecret),
        subject: optional(readFileText),
        exchange: optional(readFileText),
      },
      'is no list of keys: it needs url, and subject or exchange',
    )
    .optional(),
  name: optional(readFileHandlerName),
  events: optional(readFileEventKeys),
  where: optional(readFileWhere),
  rate: optional(readFileRate),
  format: optional(asText(readForwardFormat)),
  secret: optional(readFileSecret),
  headers: z.record(z.string(), required(readFileSecret), 'is no list of headers').optional(),
  ca: optional(readFileText),
  batchSize: wholeNumber(1, 500),
  concurrency: wholeNumber(1, 1_000),
  timeout: optional(asText(readTimeout)),
  /** None: no second attempt. */
  retry: optional(orNone(asText(readWaits))),
  memory: optional(asText(sizeWithin('32MB', '64GB'))),
}

const sourceSchema = z.strictObject(sourceShape, 'is no list of keys')
const handlerSchema = z.preprocess(
  (entry) => (typeof entry === 'string' ? { module: entry } : entry),
  z
    .strictObject(handlerShape, 'is neither a path nor a list of keys')
    .transform(readWith(refuseUnclear)),
)

const KINDS = ['module', ...BUILT_IN_KINDS] as const

function refuseUnclear<Entry extends { readonly [Kind in (typeof KINDS)[number]]?: unknown }>(
  entry: Entry,
): Entry {
  const [kind, other] = KINDS.filter((one) => entry[one] !== undefined)
  if (!kind) throw new WrongValue('names no handler', `Give one of ${KINDS.join(', ')}.`)
  if (!other) return entry
  throw new WrongValue(`has both ${kind} and ${other}`, 'Make two entries of it.')
}

/** One entry below `sources:`. */
export type FileSource = z.output<typeof sourceSchema>
/** One entry below `handlers:`. */
export type FileHandler = z.output<typeof handlerSchema>

/** The whole file. Values of settings stay as YAML gives them: they are read with the environment's. */
export const fileSchema = z.strictObject(
  {
    ...Object.fromEntries(fileSettings().map((key) => [key, z.unknown().optional()])),
    sources: z.record(z.string(), sourceSchema, 'is no list of sources').optional(),
    redact: optional(readFileRedact),
    handlers: z
      .preprocess(
        (entries) => (typeof entries === 'string' ? [entries] : entries),
        z.array(handlerSchema, 'is no list of modules').min(1, 'is empty'),
      )
      .optional(),
  },
  'holds no settings of the form name: value',
)

/** The keys that may stand at this place of the file. */
export function knownKeys(path: readonly PropertyKey[]): string[] {
  if (path[0] === 'sources') return Object.keys(sourceShape)
  if (path[0] === 'handlers') return Object.keys(handlerShape)
  return ['sources', 'handlers', 'redact', ...fileSettings()]
}

/** Settings of the table that the file may give as plain values. */
function fileSettings(): string[] {
  return SETTINGS.map(({ fileKey }) => fileKey).filter(
    (key) => key !== 'configFile' && key !== 'handlers',
  )
}

function required<Value>(read: (value: unknown) => Value) {
  return z.unknown().transform(readWith(read))
}

function optional<Value>(read: (value: unknown) => Value) {
  return required(read).optional()
}

function wholeNumber(min: number, max: number) {
  return optional(asText((text) => readWholeNumber(text, min, max)))
}

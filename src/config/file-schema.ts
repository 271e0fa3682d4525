import * as z from 'zod'
import { BUILT_IN_KINDS } from '../model.ts'
import {
  readFileBlocks,
  readFileEventKeys,
  readFileHandlerName,
  readFileMemory,
  readFileNumber,
  readFileProvider,
  readFileRate,
  readFileSecret,
  readFileSecretForm,
  readFileSecretOrFalse,
  readFileSecrets,
  readFileSilence,
  readFileText,
  readFileTimeout,
  readFileWaits,
  readFileWhere,
} from './file-values.ts'
import { readForwardFormat } from './handlers/forward-values.ts'
import { readFileRedact, readFileRedactOrFalse } from './redaction.ts'
import { SETTINGS } from './setting-names.ts'
import { readWith, WrongValue } from './wrong-value.ts'

const sourceShape = {
  provider: required(readFileProvider),
  secrets: optional(readFileSecrets),
  allowIps: optional(readFileBlocks),
  basicAuth: optional(readFileSecretOrFalse),
  urlToken: optional(readFileSecretOrFalse),
  toleranceSeconds: optional(readFileNumber(1, 86_400)),
  secretForm: optional(readFileSecretForm),
  silentAfter: optional(readFileSilence),
  redact: optional(readFileRedactOrFalse),
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
  format: optional((value) => readForwardFormat(readFileText(value))),
  secret: optional(readFileSecret),
  headers: z.record(z.string(), required(readFileSecret), 'is no list of headers').optional(),
  ca: optional(readFileText),
  batchSize: optional(readFileNumber(1, 500)),
  concurrency: optional(readFileNumber(1, 1_000)),
  timeout: optional(readFileTimeout),
  retry: optional(readFileWaits),
  memory: optional(readFileMemory),
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

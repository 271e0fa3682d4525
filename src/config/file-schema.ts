import { z } from 'zod'
import {
  readFileBlocks,
  readFileMemory,
  readFileNumber,
  readFileProvider,
  readFileSecretForm,
  readFileSecretOrFalse,
  readFileSecrets,
  readFileText,
  readFileTimeout,
  readFileWaits,
} from './file-values.ts'
import { readFileRedact, readFileRedactOrFalse } from './redaction.ts'
import { SETTINGS } from './setting-names.ts'
import { readWith } from './wrong-value.ts'

const sourceShape = {
  provider: required(readFileProvider),
  secrets: optional(readFileSecrets),
  allowIps: optional(readFileBlocks),
  basicAuth: optional(readFileSecretOrFalse),
  urlToken: optional(readFileSecretOrFalse),
  toleranceSeconds: optional(readFileNumber(1, 86_400)),
  secretForm: optional(readFileSecretForm),
  redact: optional(readFileRedactOrFalse),
}

const handlerShape = {
  module: required(readFileText),
  concurrency: optional(readFileNumber(1, 1_000)),
  timeout: optional(readFileTimeout),
  retry: optional(readFileWaits),
  memory: optional(readFileMemory),
}

const sourceSchema = z.strictObject(sourceShape, 'is no list of keys')
const handlerSchema = z.preprocess(
  (entry) => (typeof entry === 'string' ? { module: entry } : entry),
  z.strictObject(handlerShape, 'is neither a path nor a list of keys'),
)

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

import type { RedactRules } from '../model.ts'
import type { ProblemList } from './settings-error.ts'
import type { SettingValues } from './settings-schema.ts'
import { quote, WrongValue } from './wrong-value.ts'

/** What is not kept of events as it came, as the settings say. */
export interface RedactionSettings {
  /** For hashes; undefined: one that is made and kept in the data directory. */
  readonly key: string | undefined
  /** For every source that has no rules of its own. */
  readonly common: RedactRules | undefined
  /** Undefined here: nothing of this source is redacted. */
  readonly bySource: Readonly<Record<string, RedactRules | undefined>>
}

const REMEDY = 'Write { drop: [ip, user_agent], hash: [email] }, each a list of fields.'
const FIELD = /^[^.\s]+(\.[^.\s]+)*$/
/** Without these, nobody could tell what an event is. */
const NAME_FIELDS = ['event', 'type']

export function findRedaction(origins: {
  file: {
    readonly sources: Readonly<
      Record<string, { readonly redact?: RedactRules | false | undefined }>
    >
    readonly redact: RedactRules | undefined
  }
  values: SettingValues
  problems: ProblemList
}): RedactionSettings {
  const { file, values, problems } = origins
  const own = Object.entries(file.sources).filter(([, { redact }]) => redact !== undefined)
  const bySource = Object.fromEntries(own.map(([name, { redact }]) => [name, redact || undefined]))
  const all = [file.redact, ...Object.values(bySource)]
  const isHashing = all.some((rules) => rules && rules.hash.length > 0)
  if (isHashing && values.STORE_URL?.engine === 'postgres' && !values.REDACT_KEY) {
    problems.add(
      'REDACT_KEY',
      'is missing: replicas that made a key each would hash one address differently',
      'Set it to a long random text, the same for every replica, for example from: openssl rand -hex 32.',
    )
  }
  return { key: values.REDACT_KEY, common: file.redact, bySource }
}

/** Rules of the file. */
export function readFileRedact(value: unknown): RedactRules {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WrongValue('is no list of rules', REMEDY)
  }
  const { drop, hash, ...others } = value as Record<string, unknown>
  const [strange] = Object.keys(others)
  if (strange !== undefined) throw new WrongValue(`has ${quote(strange)}, which is no rule`, REMEDY)
  const rules = { drop: readFields(drop), hash: readFields(hash) }
  const both = rules.drop.find((field) => rules.hash.includes(field))
  if (both !== undefined) {
    throw new WrongValue(`both drops and hashes ${quote(both)}`, 'Leave it in one of them.')
  }
  if (rules.drop.length + rules.hash.length === 0) throw new WrongValue('is empty', REMEDY)
  return rules
}

function readFields(value: unknown = []): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  return list.map((field) => {
    if (typeof field !== 'string' || !FIELD.test(field)) {
      throw new WrongValue(
        `has ${quote(String(field))}, which is no field`,
        'Name fields as they stand in the events, with dots for those within others: user.ip.',
      )
    }
    if (NAME_FIELDS.includes(field)) {
      throw new WrongValue(
        `has ${quote(field)}, which names the event`,
        'Leave it out: without it no handler could be found.',
      )
    }
    return field
  })
}

import type { RedactRules } from '../model.ts'
import type { Origins } from './origins.ts'

/** What is not kept of events as it came, as the settings say. */
export interface RedactionSettings {
  /** For hashes; undefined: one that is made and kept in the data directory. */
  readonly key: string | undefined
  /** For every source that has no rules of its own. */
  readonly common: RedactRules | undefined
  /** Undefined here: nothing of this source is redacted. */
  readonly bySource: Readonly<Record<string, RedactRules | undefined>>
}

export function findRedaction({
  file,
  values,
  problems,
}: Pick<Origins, 'file' | 'values' | 'problems'>): RedactionSettings {
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

import { randomBytes } from 'node:crypto'
import { keepRedactKey, type Settings } from '../config.ts'
import type { Redaction } from '../model.ts'
import type { Reloader } from './running-app.ts'

/** Part of the composition: the rules by the settings taken last; undefined when everything is kept. */
export function followRedaction(
  settings: Settings,
  reloaders: Reloader[],
): () => Redaction | undefined {
  let rules = findRedaction(settings)
  reloaders.push((fresh) => {
    rules = findRedaction(fresh)
    return []
  })
  return () => rules
}

/** The rules with their key. */
function findRedaction({
  redaction,
  dataDir,
}: Pick<Settings, 'redaction' | 'dataDir'>): Redaction | undefined {
  const { common, bySource, key } = redaction
  const rules = [common, ...Object.values(bySource)].filter((one) => one !== undefined)
  if (rules.length === 0) return undefined
  const isHashing = rules.some(({ hash }) => hash.length > 0)
  const usedKey = key ?? (isHashing ? keepRedactKey(dataDir, randomBytes) : '')
  return { common, bySource, key: usedKey }
}

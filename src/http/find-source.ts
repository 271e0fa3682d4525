import type { Source } from '../model.ts'

const PREFIX = '/webhooks/'

/**
 * The source that a request target names. Compared as sent, without decoding: a name has one
 * spelling, for us and for whatever stands before us.
 */
export function findSource(
  target: string,
  sources: ReadonlyMap<string, Source>,
): Source | undefined {
  if (!target.startsWith(PREFIX)) return undefined
  const query = target.indexOf('?')
  return sources.get(target.slice(PREFIX.length, query === -1 ? undefined : query))
}

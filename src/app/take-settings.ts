import { type Settings, SettingsError } from '../config.ts'
import type { Reloader, ReloadOptions } from './running-app.ts'

/**
 * Each part takes what is new to it, also when another fails: what that one did not take is then
 * among the sentences too.
 */
export async function takeSettings(
  reloaders: readonly Reloader[],
  fresh: Settings,
  options: ReloadOptions,
): Promise<readonly string[]> {
  const takings = reloaders.map(async (take) => take(fresh, options))
  const ends = await Promise.allSettled(takings)
  return ends.flatMap((end) => (end.status === 'fulfilled' ? end.value : explain(end.reason)))
}

function explain(error: unknown): string[] {
  if (error instanceof SettingsError) {
    return error.problems.map((one) => `${one.setting} ${one.problem}. ${one.remedy}`)
  }
  return [error instanceof Error ? error.message : String(error)]
}

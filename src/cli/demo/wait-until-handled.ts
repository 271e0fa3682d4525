import { setTimeout as wait } from 'node:timers/promises'
import type { StatsJson } from '../../admin/api/stats-schema.ts'
import type { AdminClient } from '../admin-client.ts'
import type { CommandContext } from '../command.ts'

const LOOK_EVERY_MS = 50
/** Beyond a first retry of every handler; what is not done then will not be done soon. */
const PATIENCE_MS = 60_000

/** Looks until every batch is unpacked and no job is pending; answers the figures of that moment. */
export async function waitUntilHandled(
  client: AdminClient,
  batches: number,
  { elapsedMs, stopped }: Pick<CommandContext, 'elapsedMs' | 'stopped'>,
): Promise<StatsJson> {
  const startedAt = elapsedMs()
  for (;;) {
    const stats = await client.get<StatsJson>('/api/stats')
    const isHandled = stats.batches.received >= batches && stats.backlog === 0
    if (isHandled || elapsedMs() - startedAt > PATIENCE_MS) return stats
    await wait(LOOK_EVERY_MS, undefined, { signal: stopped })
  }
}

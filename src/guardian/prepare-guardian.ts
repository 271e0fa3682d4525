import { readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder } from '../make-folder.ts'
import type { Source } from '../model.ts'
import { PROVIDERS } from '../providers/providers.ts'
import {
  createGuardian,
  type GuardianOptions,
  type GuardianPlan,
  type Heartbeat,
} from './guardian.ts'
import { loadSdk, type ManagementAccess } from './management-api.ts'

interface GuardianSettings {
  readonly management: ManagementAccess | undefined
  readonly guardian: Pick<GuardianPlan, 'mayResume' | 'intervalMs'>
  readonly sources: readonly Source[]
  readonly publicUrl: string | undefined
  readonly dataDir: string
}

/** To be awaited before anybody is answered: what the guardian needs is loaded then. */
export async function prepareGuardian({
  settings,
  ...parts
}: Pick<GuardianOptions, 'isWell' | 'observer' | 'now'> & {
  readonly settings: GuardianSettings
}) {
  let plan = readPlan(settings)
  const first = plan
  // Without it, each look says so.
  if (first) await loadSdk().catch(() => {})
  const guardian =
    first &&
    createGuardian({
      ...parts,
      plan: () => plan ?? first,
      heartbeat: createHeartbeat(join(settings.dataDir, 'well-at')),
      elapsedMs: () => performance.now(),
      random: Math.random,
    })
  return {
    /** Undefined without a token for the provider's management API. */
    guardian,
    /** Takes other settings; answers what it did not take. */
    reload(fresh: GuardianSettings): readonly string[] {
      const freshPlan = readPlan(fresh)
      if (!freshPlan !== !guardian) {
        return ['MAILTRAP_API_TOKEN: the guardian cannot begin or end without a restart.']
      }
      plan = freshPlan
      return []
    },
  }
}

function readPlan(settings: GuardianSettings): GuardianPlan | undefined {
  const { management, guardian, sources, publicUrl } = settings
  if (!management) return undefined
  return { ...guardian, access: management, sources: guardedOf(sources), publicUrl }
}

/** Those whose provider has webhooks that can be watched. */
export function guardedOf(sources: readonly Source[]): readonly Source[] {
  return sources.filter(({ provider }) => PROVIDERS[provider].retries !== undefined)
}

/** Kept in a file, which is made with its folder. */
function createHeartbeat(file: string): Heartbeat {
  return {
    async read() {
      const text = await readFile(file, 'utf8').catch(() => '')
      const at = Date.parse(text.trim())
      return Number.isNaN(at) ? undefined : at
    },
    async write(at) {
      try {
        makeFolder(dirname(file), 0o700)
        await writeFile(`${file}.new`, `${new Date(at).toISOString()}\n`, { mode: 0o600 })
        await rename(`${file}.new`, file)
      } catch {
        // The disk is full or gone, which the store tells.
      }
    },
  }
}

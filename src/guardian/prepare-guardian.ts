import { join } from 'node:path'
import type { Source } from '../model.ts'
import { PROVIDERS } from '../providers/providers.ts'
import {
  createGuardian,
  type Guardian,
  type GuardianOptions,
  type GuardianPlan,
} from './guardian.ts'
import { createHeartbeat } from './heartbeat.ts'
import type { ManagementAccess } from './management-api.ts'

interface GuardianSettings {
  readonly management: ManagementAccess | undefined
  readonly guardian: Pick<GuardianPlan, 'mayResume' | 'intervalMs'>
  readonly sources: readonly Source[]
  readonly publicUrl: string | undefined
  readonly dataDir: string
}

interface GuardianParts extends Pick<GuardianOptions, 'isWell' | 'observer' | 'now'> {
  readonly settings: GuardianSettings
}

export interface PreparedGuardian {
  /** Undefined without a token for the provider's management API. */
  readonly guardian: Guardian | undefined
  /** Takes other settings; answers what it did not take. */
  reload(settings: GuardianSettings): readonly string[]
}

export function prepareGuardian({ settings, ...parts }: GuardianParts): PreparedGuardian {
  let plan = readPlan(settings)
  const first = plan
  const guardian =
    first &&
    createGuardian({
      ...parts,
      plan: () => plan ?? first,
      heartbeat: createHeartbeat(join(settings.dataDir, 'well-at')),
      random: Math.random,
    })
  return {
    guardian,
    reload(fresh) {
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
  const guarded = sources.filter(({ provider }) => PROVIDERS[provider].retries !== undefined)
  return { ...guardian, access: management, sources: guarded, publicUrl }
}

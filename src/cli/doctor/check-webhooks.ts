import { judge, NO_MEMORY } from '../../guardian/judge.ts'
import { createManagementApi } from '../../guardian/management-api.ts'
import { ManagementFailure } from '../../guardian/management-failure.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import { formatCounted } from '../terminal/figures.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Patient } from './patient.ts'

const webhooks = findingsOf('webhooks')

export interface WebhookFindings {
  readonly findings: readonly Finding[]
  /** The provider's time less ours, milliseconds; undefined: it was not asked. */
  readonly providerAheadMs: number | undefined
}

/** Whether the provider has webhooks for the sources, and these are active and let themselves in. */
export async function checkWebhooks(patient: Patient): Promise<WebhookFindings> {
  const { settings, sources, base, stopped, timeoutMs, now } = patient
  const guarded = sources.filter(({ provider }) => PROVIDERS[provider].retries !== undefined)
  if (!settings.management || guarded.length === 0) {
    const finding = webhooks.skipped('MAILTRAP_API_TOKEN is not set, so Mailtrap was not asked')
    return { findings: [finding], providerAheadMs: undefined }
  }
  const api = createManagementApi({ ...settings.management, signal: stopped, timeoutMs })
  try {
    const sentAt = now()
    const list = await api.list()
    const at = now()
    const clock = api.clock()
    const publicUrl = `${base.origin}${base.pathname}`
    const rules = { sources: guarded, publicUrl, mayResume: false, steadyMs: 0 }
    const found = judge(NO_MEMORY, { webhooks: list, at, wellSince: undefined }, rules)
    const problems = found.problems.map(({ webhook, text }) =>
      webhooks.failed(
        webhook === undefined ? text : `Webhook ${webhook}: ${text}`,
        'Mend it in Mailtrap, in the settings of the webhook.',
      ),
    )
    const fine = webhooks.ok(
      `${formatCounted(found.webhooks.length, 'webhook')} of Mailtrap, active and right`,
    )
    return {
      findings: problems.length > 0 ? problems : [fine],
      providerAheadMs: clock === undefined ? undefined : clock - (sentAt + at) / 2,
    }
  } catch (error) {
    const finding = webhooks.failed(
      ManagementFailure.from(error).message,
      'Check the token, and that this machine may call the management API.',
    )
    return { findings: [finding], providerAheadMs: undefined }
  }
}

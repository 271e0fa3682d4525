import { errorCode } from '../../config/secrets.ts'
import { assessWebhooks, NO_MEMORY } from '../../guardian/assess-webhooks.ts'
import { guardedOf } from '../../guardian/prepare-guardian.ts'
import type { Source } from '../../model.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import { folderOfStore, inspectFolder, inspectStore } from '../../store/inspect-store.ts'
import { describeError } from '../command.ts'
import { formatCounted } from '../terminal.ts'
import {
  type CheckContext,
  type Finding,
  type Found,
  failed,
  ok,
  skipped,
  warning,
} from './check-context.ts'
import { describeAhead } from './explain-answer.ts'

const GIGABYTE = 1024 ** 3
const LITTLE_BYTES = GIGABYTE
const NEARLY_FULL_PERCENT = 90

/** Whether what is acknowledged survives a crash; the store is only looked at. */
export async function checkStore({ settings }: CheckContext): Promise<Found> {
  try {
    const { facts, dangers } = await inspectStore(settings)
    if (dangers.length === 0) return ok(facts.join(', '))
    return dangers.map((danger) => warning(...splitSentences(danger)))
  } catch (error) {
    return failed(
      `The store ${settings.storeLabel} cannot be looked at. ${describeError(error)}`,
      'See that the database runs and can be reached from here.',
    )
  }
}

/** Whether the disk keeps what is written to it, and has room. */
export async function checkDisk({ settings }: CheckContext): Promise<Found> {
  const folder = folderOfStore(settings)
  try {
    const { freeBytes, usedPercent, dangers } = await inspectFolder(folder)
    const free = `${(freeBytes / GIGABYTE).toFixed(1)} GB free, ${usedPercent} % used, at ${folder}`
    const isShort = freeBytes < LITTLE_BYTES || usedPercent >= NEARLY_FULL_PERCENT
    const room = isShort
      ? warning(`${free}.`, 'Make room: with a full disk every batch is answered 503.')
      : ok(free)
    return [...dangers.map((danger) => warning(...splitSentences(danger))), room]
  } catch (error) {
    return warning(
      `The folder ${folder} cannot be looked at (${errorCode(error)}).`,
      'Run this where the receiver runs, with its settings.',
    )
  }
}

/** What is wrong, and, from the second sentence on, what to do. */
function splitSentences(text: string): [detail: string, remedy: string] {
  const end = text.indexOf('. ') + 1
  return end === 0 ? [text, 'Look into it.'] : [text.slice(0, end), text.slice(end + 1)]
}

/** Whether the provider has webhooks for the sources, and these are active and let themselves in. */
export function checkWebhooks({ mailtrap, base, sources, now }: CheckContext): Found {
  if (mailtrap === undefined) {
    return skipped('MAILTRAP_API_TOKEN is not set, so Mailtrap was not asked')
  }
  const { webhooks, failure } = mailtrap
  if (failure !== undefined) {
    const remedy = 'Check the token, and that this machine may call the management API.'
    return failed(failure.message, remedy)
  }
  const publicUrl = `${base.origin}${base.pathname}`
  const rules = { sources: guardedOf(sources), publicUrl, mayResume: false, steadyMs: 0 }
  const found = assessWebhooks(NO_MEMORY, { webhooks, at: now(), wellSince: undefined }, rules)
  if (found.problems.length === 0) {
    return ok(`${formatCounted(found.webhooks.length, 'webhook')} of Mailtrap, active and right`)
  }
  return found.problems.map(({ webhook, text }) =>
    failed(
      webhook === undefined ? text : `Webhook ${webhook}: ${text}`,
      'Mend it in Mailtrap, in the settings of the webhook.',
    ),
  )
}

/** `Date` counts whole seconds, and the way takes its time. */
const FINE_SECONDS = 5
const TOO_FAR_SECONDS = 60

/** Compares the clock of whoever answers, and the provider's where it is known, with ours. */
export async function checkClock({ ask, sources, mailtrap }: CheckContext): Promise<Finding> {
  const { aheadMs } = await ask('/readyz', { method: 'GET' })
  if (aheadMs === undefined) return skipped('No answer told the time')
  const differenceMs = aheadMs - (mailtrap?.aheadMs ?? 0)
  const off = Math.abs(Math.round(differenceMs / 1_000))
  const what = mailtrap?.aheadMs === undefined ? 'this machine’s' : 'the provider’s'
  if (off <= FINE_SECONDS) return ok(`The receiver’s clock agrees with ${what}`)
  const detail = `The receiver’s clock is ${describeAhead(differenceMs)} ${what}.`
  const remedy = 'Let the receiver’s machine keep its time by NTP (timedatectl set-ntp true).'
  return off > limitOf(sources[0]) ? failed(detail, remedy) : warning(detail, remedy)
}

/** Half of what a signed time may differ, where the provider signs one. */
function limitOf(source: Source | undefined): number {
  if (!source || !PROVIDERS[source.provider].ownSettings.includes('toleranceSeconds')) {
    return TOO_FAR_SECONDS
  }
  return Math.min(TOO_FAR_SECONDS, source.toleranceSeconds / 2)
}

import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import type { StatsJson } from '../../admin/api/stats-schema.ts'
import { errorCode } from '../../config/secrets.ts'
import { readSettings, type Settings } from '../../config.ts'
import {
  createMailtrapApi,
  type ProviderWebhook,
  readWebhooks,
} from '../../guardian/management-api.ts'
import { ManagementFailure } from '../../guardian/management-failure.ts'
import { guardedOf } from '../../guardian/prepare-guardian.ts'
import type { Source } from '../../model.ts'
import { type Exchange, type OutgoingRequest, sendRequest } from '../../simulator/send-request.ts'
import { createAdminClient } from '../admin-client.ts'
import { type CommandContext, wrongSettings, wrongUse } from '../command.ts'
import { readSecret } from '../command-settings.ts'
import { listenerUrl } from '../connect.ts'

export interface DoctorOptions {
  readonly dev?: boolean
  readonly source?: string
  readonly caFile?: string
  readonly timeout: number
}

/** What the checks look at. */
export type CheckContext = Awaited<ReturnType<typeof createCheckContext>>

export async function createCheckContext(
  url: string | undefined,
  options: DoctorOptions,
  context: CommandContext,
) {
  const { env, now, stopped } = context
  const settings = readSettings({ env, dev: options.dev === true, isSourceOptional: true })
  const { base, sources } = findTarget(url, options.source, settings)
  const ca = options.caFile === undefined ? undefined : readCertificates(options.caFile)
  const timeoutMs = options.timeout * 1_000
  const readStats = await createStatsReader(settings, context)
  return {
    /** Where the receiver should be reached, without `/webhooks/…`. */
    base,
    /** Those to be tried; empty when no settings are known here. */
    sources,
    settings,
    timeoutMs,
    /** Certificates to trust; undefined: the platform's. */
    ca,
    /** Milliseconds since 1970. */
    now,
    /** Sends a request to a path below the base, which may have a query. */
    async ask(path: string, request: OutgoingRequest): Promise<DatedExchange> {
      const url = new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base)
      const sentAt = now()
      const exchange = await sendRequest(url, request, { timeoutMs, ca, stopped })
      const clock = Date.parse(String(exchange.headers.date)) || undefined
      return { ...exchange, aheadMs: compareClocks(clock, sentAt, now()) }
    },
    /** The receiver's own figures, where its admin listener can be reached. */
    readStats,
    /** The same from before the checks make refusals of their own. */
    statsBefore: await readStats(),
    /** What Mailtrap's management API answered; undefined: it was not asked. */
    mailtrap: await viewMailtrap(settings, sources, { timeoutMs, now, stopped }),
  }
}

/** `aheadMs`: the clock of whoever answered less ours, milliseconds; undefined: no time was told. */
export type DatedExchange = Exchange & { readonly aheadMs: number | undefined }

/** The other clock less ours in the middle of an exchange. */
function compareClocks(
  clock: number | undefined,
  sentAt: number,
  answeredAt: number,
): number | undefined {
  return clock === undefined ? undefined : clock - (sentAt + answeredAt) / 2
}

function readCertificates(path: string): string[] {
  try {
    return [...rootCertificates, readFileSync(path, 'utf8')]
  } catch (error) {
    throw wrongSettings(
      `The file ${path} could not be read (${errorCode(error)}). Give one with PEM certificates.`,
      error,
    )
  }
}

/** Undefined answers where the admin listener cannot be asked. */
async function createStatsReader(
  { admin }: Settings,
  { env, stopped, options: { adminUrl, passwordFile } }: CommandContext,
): Promise<() => Promise<StatsJson | undefined>> {
  const given = await readSecret({ name: 'ADMIN_PASSWORD', file: passwordFile }, env)
  const url = adminUrl ?? (admin && listenerUrl(admin))
  if (url === undefined) return async () => undefined
  const client = createAdminClient({ url, password: given ?? admin?.password, stopped })
  return () => client.get<StatsJson>('/api/stats').catch(() => undefined)
}

interface MailtrapView {
  readonly webhooks: readonly ProviderWebhook[]
  readonly failure: ManagementFailure | undefined
  /** Its time less ours, milliseconds; undefined: it did not tell. */
  readonly aheadMs: number | undefined
}

/** Undefined where the settings name no token, or no source has webhooks that can be watched. */
async function viewMailtrap(
  { management }: Settings,
  sources: readonly Source[],
  {
    timeoutMs,
    now,
    stopped: signal,
  }: Pick<CommandContext, 'now' | 'stopped'> & { timeoutMs: number },
): Promise<MailtrapView | undefined> {
  if (!management || guardedOf(sources).length === 0) return undefined
  const api = createMailtrapApi({ ...management, signal, timeoutMs })
  const sentAt = now()
  try {
    const webhooks = readWebhooks(await api.list())
    const aheadMs = compareClocks(api.clock(), sentAt, now())
    return { webhooks, failure: undefined, aheadMs }
  } catch (error) {
    const failure = ManagementFailure.from(error, management.url)
    return { webhooks: [], failure, aheadMs: undefined }
  }
}

const WEBHOOK_PATH = /\/webhooks\/([^/]+)\/?$/

/** Where the receiver should be reached, and which of its sources are to be tried. */
function findTarget(url: string | undefined, source: string | undefined, settings: Settings) {
  const base = readBase(url ?? settings.publicUrl)
  const named = source ?? WEBHOOK_PATH.exec(base.pathname)?.[1]
  base.pathname = base.pathname.replace(WEBHOOK_PATH, '/')
  base.search = ''
  base.hash = ''
  const sources = settings.sources.filter(({ name }) => named === undefined || name === named)
  if (named === undefined || sources.length > 0 || settings.sources.length === 0) {
    return { base, sources }
  }
  const names = settings.sources.map(({ name }) => name).join(', ')
  throw wrongUse(`There is no source ${named} in these settings. There are: ${names}.`)
}

function readBase(text: string | undefined): URL {
  if (text === undefined) {
    throw wrongUse(
      'Say where the receiver is: mailtrap-receiver doctor https://<host>, or set PUBLIC_URL.',
    )
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw wrongUse('The URL is no address of http or https, such as https://hooks.example.com.')
  }
  // Of the settings' own; those in the URL would be sent to whoever answers.
  url.username = ''
  url.password = ''
  return url
}

/** What was found. */
export interface Finding {
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped'
  /** What was found, or why nothing was looked for. */
  readonly detail: string
  /** What to do; only where something is wrong. */
  readonly remedy?: string
  /** Of which source, where a check looks at several. */
  readonly source?: string
}

/** What one or several looks found. */
export type Found = Finding | readonly Finding[]

export const ok = (detail: string): Finding => ({ status: 'ok', detail })
export const skipped = (detail: string): Finding => ({ status: 'skipped', detail })
export const warning = (detail: string, remedy: string) => wrong('warning', detail, remedy)
export const failed = (detail: string, remedy: string) => wrong('failed', detail, remedy)

function wrong(status: 'warning' | 'failed', detail: string, remedy: string): Finding {
  return { status, detail, remedy }
}

import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { Command } from 'commander'
import type { StatsJson } from '../admin/api/stats-schema.ts'
import { errorCode } from '../config/secrets.ts'
import { readSettings, type Settings } from '../config.ts'
import { type OutgoingRequest, sendRequest } from '../simulator/send-request.ts'
import { createAdminClient } from './admin-client.ts'
import {
  type CommandContext,
  CommandFailure,
  readAdminUrl,
  readWholeNumber,
  wrongSettings,
  wrongUse,
} from './command.ts'
import { readSecret } from './command-settings.ts'
import { listenerUrl } from './connect.ts'
import {
  checkHealth,
  checkLargeBatch,
  checkProxy,
  checkRefusals,
  checkSignatures,
} from './doctor/check-answers.ts'
import { type CheckContext, type CheckResult, type Found, skipped } from './doctor/check-context.ts'
import {
  checkClock,
  checkDisk,
  checkStore,
  checkWebhooks,
  viewMailtrap,
} from './doctor/check-own-side.ts'
import { checkCertificate, checkDns, checkPort } from './doctor/check-way.ts'
import { formatCounted } from './figures.ts'
import { type Paint, printAnswer, safeText } from './terminal.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver doctor https://hooks.example.com
  mailtrap-receiver doctor https://hooks.example.com/webhooks/audit --config receiver.yaml
  mailtrap-receiver doctor --json | jq '.checks[] | select(.status == "failed")'

Run it with the settings of the receiver, best on its machine. It sends test batches, signed and
forged: the receiver keeps one test event of each source and gives it to no handler. Nothing else is
changed. Exit code 1 when a check failed.`

interface DoctorOptions {
  readonly dev?: boolean
  readonly source?: string
  readonly caFile?: string
  readonly timeout: number
}

export function doctorCommand(context: CommandContext): Command {
  return new Command('doctor')
    .argument('[url]', 'where the provider reaches it (default: PUBLIC_URL)')
    .option('--config <file>', 'settings in YAML (default: CONFIG_FILE)')
    .option('--dev', 'with the secret of a receiver that runs with --dev')
    .option('--source <name>', 'this one only (default: all, or that of the URL)')
    .option('--ca-file <path>', 'certificates (PEM) to trust beside the public ones')
    .option('--admin-url <url>', 'admin listener, to learn why something was refused', readAdminUrl)
    .option('--password-file <path>', 'file with its password (default: ADMIN_PASSWORD)')
    .option('--timeout <seconds>', 'for one answer', readWholeNumber, 15)
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action((url: string | undefined, options: DoctorOptions) => doctor(url, options, context))
}

async function doctor(
  url: string | undefined,
  options: DoctorOptions,
  context: CommandContext,
): Promise<void> {
  const checkContext = await createCheckContext(url, options, context)
  const findings = await runChecks(checkContext)
  const failed = findings.filter(({ status }) => status === 'failed').length
  const { origin, pathname } = checkContext.base
  const shown = `${origin}${pathname}`.replace(/\/$/, '')
  const answer = { ok: failed === 0, url: shown, checks: findings }
  await printAnswer(context, answer, (paint) => describeFindings(shown, findings, paint))
  if (failed > 0)
    throw new CommandFailure(`${formatCounted(failed, 'check')} failed; what to do stands above.`)
}

async function createCheckContext(
  url: string | undefined,
  options: DoctorOptions,
  context: CommandContext,
): Promise<CheckContext> {
  const { env, now, stopped } = context
  const { dev = false, timeout } = options
  const settings = readSettings({ env, dev, isSourceOptional: true })
  const { base, sources } = findTarget(url, options.source, settings)
  const ca = options.caFile === undefined ? undefined : readCertificates(options.caFile)
  const timeoutMs = timeout * 1_000
  const readStats = await createStatsReader(settings, context)
  const parts = {
    base,
    sources,
    settings,
    timeoutMs,
    ca,
    now,
    async ask(path: string, request: OutgoingRequest) {
      const url = new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base)
      const sentAt = now()
      const exchange = await sendRequest(url, request, { timeoutMs, ca, stopped })
      return { ...exchange, sentAt, answeredAt: now() }
    },
    readStats,
    statsBefore: await readStats(),
  }
  return { ...parts, mailtrap: await viewMailtrap(parts, stopped) }
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
): Promise<CheckContext['readStats']> {
  const given = await readSecret({ name: 'ADMIN_PASSWORD', file: passwordFile }, env)
  const url = adminUrl ?? (admin && listenerUrl(admin))
  if (url === undefined) return async () => undefined
  const client = createAdminClient({ url, password: given ?? admin?.password, stopped })
  return () => client.get<StatsJson>('/api/stats').catch(() => undefined)
}

interface Check {
  readonly name: string
  /** Those before it that make it senseless when they fail. */
  readonly needs?: readonly string[]
  readonly find: (context: CheckContext) => Found | Promise<Found>
}

/** A connection can be made, and may be trusted with credentials. */
const WAY = ['dns', 'port', 'certificate']

/** From the outside in. */
const CHECKS: readonly Check[] = [
  { name: 'dns', find: checkDns },
  { name: 'port', needs: ['dns'], find: checkPort },
  { name: 'certificate', needs: ['dns', 'port'], find: checkCertificate },
  { name: 'health', needs: WAY, find: checkHealth },
  { name: 'signature', needs: WAY, find: checkSignatures },
  { name: 'large batch', needs: WAY, find: checkLargeBatch },
  { name: 'clock', needs: WAY, find: checkClock },
  { name: 'proxy headers', needs: WAY, find: checkProxy },
  { name: 'refusals', find: checkRefusals },
  { name: 'webhooks', find: checkWebhooks },
  { name: 'store', find: checkStore },
  { name: 'disk', find: checkDisk },
]

async function runChecks(context: CheckContext): Promise<CheckResult[]> {
  const failed = new Set<string>()
  const results: CheckResult[] = []
  for (const { name, needs = [], find } of CHECKS) {
    const isSenseless = needs.some((needed) => failed.has(needed))
    const found = isSenseless ? skipped('The way there is not clear') : await find(context)
    const findings = [found].flat()
    if (findings.some(({ status }) => status === 'failed')) failed.add(name)
    for (const { source, ...finding } of findings) {
      results.push({ check: source === undefined ? name : `${name}, ${source}`, ...finding })
    }
  }
  return results
}

const SIGNS = {
  ok: ['green', '✓'],
  warning: ['yellow', '!'],
  failed: ['red', '✗'],
  skipped: ['dim', '-'],
} as const

/** What was found, for people: a line each, and below it what to do. */
function describeFindings(url: string, findings: readonly CheckResult[], paint: Paint): string {
  const width = Math.max(...findings.map(({ check }) => check.length)) + 2
  const lines = findings.map(({ check, status, detail, remedy }) => {
    const [colour, sign] = SIGNS[status]
    const line = `${paint(colour, sign)} ${paint('bold', check.padEnd(width))}${safeText(detail)}\n`
    return remedy === undefined ? line : `${line}  ${' '.repeat(width)}→ ${safeText(remedy)}\n`
  })
  const count = (wanted: CheckResult['status']) =>
    findings.filter(({ status }) => status === wanted).length
  const failures = formatCounted(count('failed'), 'failure')
  const warnings = formatCounted(count('warning'), 'warning')
  const summary = `${failures}, ${warnings}, ${count('skipped')} not checked.`
  return `${safeText(url)}\n\n${lines.join('')}\n${summary}\n`
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

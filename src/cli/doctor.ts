import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { Command } from 'commander'
import type { StatsJson } from '../admin/json/stats-json.ts'
import { readSettings, type Settings } from '../config.ts'
import { createAdminClient } from './admin-client/admin-client.ts'
import { readAdminUrl } from './admin-client/connect.ts'
import { readWholeNumber } from './admin-client/print-list.ts'
import type { CommandContext } from './command-context.ts'
import { CommandFailure, EXIT_CODES } from './command-failure.ts'
import { describeFindings } from './doctor/describe-findings.ts'
import { exchange } from './doctor/exchange.ts'
import { findTarget } from './doctor/find-target.ts'
import type { Patient } from './doctor/patient.ts'
import { runChecks } from './doctor/run-checks.ts'
import { readSecret } from './read-secret.ts'
import { formatCounted } from './terminal/figures.ts'
import { createPaint } from './terminal/paint.ts'
import { writeText } from './terminal/write-text.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver doctor https://hooks.example.com
  mailtrap-receiver doctor https://hooks.example.com/webhooks/audit --config receiver.yaml
  mailtrap-receiver doctor --json | jq '.checks[] | select(.status == "failed")'

Run it with the settings of the receiver, best on its machine. It sends test batches, signed and
forged: the receiver keeps one test event of each source and gives it to no handler. Nothing else is
changed. Exit code 1 when a check failed.`

interface DoctorOptions {
  readonly config?: string
  readonly dev?: boolean
  readonly source?: string
  readonly caFile?: string
  readonly adminUrl?: string
  readonly passwordFile?: string
  readonly timeout: number
  readonly json?: boolean
}

export function doctorCommand(context: CommandContext): Command {
  const command = new Command('doctor')
    .description('check a receiver from the outside: address, certificate, answers, store')
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
    .action((url: string | undefined) => doctor(url, command.opts<DoctorOptions>(), context))
  return command
}

async function doctor(
  url: string | undefined,
  options: DoctorOptions,
  context: CommandContext,
): Promise<void> {
  const patient = await admitPatient(url, options, context)
  const findings = await runChecks(patient)
  const failed = findings.filter(({ status }) => status === 'failed').length
  const { origin, pathname } = patient.base
  const shown = `${origin}${pathname}`.replace(/\/$/, '')
  const text = options.json
    ? `${JSON.stringify({ ok: failed === 0, url: shown, checks: findings })}\n`
    : describeFindings(shown, findings, createPaint(context.stdout, context.env))
  await writeText(context.stdout, text)
  if (failed > 0)
    throw new CommandFailure(`${formatCounted(failed, 'check')} failed; what to do stands above.`)
}

async function admitPatient(
  url: string | undefined,
  options: DoctorOptions,
  context: CommandContext,
): Promise<Patient> {
  const { env, now, stopped } = context
  const { config, dev = false, timeout } = options
  const settings = readSettings({
    env: config === undefined ? env : { ...env, CONFIG_FILE: config },
    dev,
    isSourceOptional: true,
  })
  const { base, sources } = findTarget({ url, source: options.source, settings })
  const ca = options.caFile === undefined ? undefined : readCertificates(options.caFile)
  const means = { timeoutMs: timeout * 1_000, ca, stopped, now }
  return {
    ...means,
    base,
    sources,
    settings,
    ask: (path, request) =>
      exchange(new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base), request, means),
    readStats: await createStatsReader(options, settings, context),
  }
}

function readCertificates(path: string): string[] {
  try {
    return [...rootCertificates, readFileSync(path, 'utf8')]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandFailure(
      `The file ${path} could not be read (${code}). Give one with PEM certificates.`,
      {
        exitCode: EXIT_CODES.configuration,
        cause: error,
      },
    )
  }
}

/** Undefined answers where the admin listener cannot be asked. */
async function createStatsReader(
  { adminUrl, passwordFile }: DoctorOptions,
  { admin }: Settings,
  { env, stopped }: CommandContext,
): Promise<Patient['readStats']> {
  if (adminUrl === undefined && !admin) return async () => undefined
  const given = await readSecret({ name: 'ADMIN_PASSWORD', file: passwordFile }, env)
  const url = adminUrl ?? `http://127.0.0.1:${admin?.port}`
  const client = createAdminClient({ url, password: given ?? admin?.password, stopped })
  return () => client.get<StatsJson>('/api/stats').catch(() => undefined)
}

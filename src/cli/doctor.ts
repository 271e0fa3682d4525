import { Command } from 'commander'
import { type CommandContext, CommandFailure, readAdminUrl, readSeconds } from './command.ts'
import {
  checkHealth,
  checkLargeBatch,
  checkProxy,
  checkRefusals,
  checkSignatures,
} from './doctor/check-answers.ts'
import {
  type CheckContext,
  createCheckContext,
  type DoctorOptions,
  type Finding,
  type Found,
  skipped,
} from './doctor/check-context.ts'
import { checkClock, checkDisk, checkStore, checkWebhooks } from './doctor/check-own-side.ts'
import { checkCertificate, checkDns, checkPort } from './doctor/check-way.ts'
import { formatCounted, type Paint, printAnswer, safeText } from './terminal.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver doctor https://hooks.example.com
  mailtrap-receiver doctor https://hooks.example.com/webhooks/audit --config receiver.yaml
  mailtrap-receiver doctor --json | jq '.checks[] | select(.status == "failed")'

Run it with the settings of the receiver, best on its machine. It sends test batches, signed and
forged: the receiver keeps one test event of each source and gives it to no handler. Nothing else is
changed. Exit code 1 when a check failed.`

export function doctorCommand(context: CommandContext): Command {
  return new Command('doctor')
    .argument('[url]', 'where the provider reaches it (default: PUBLIC_URL)')
    .option('--config <file>', 'settings in YAML (default: CONFIG_FILE)')
    .option('--dev', 'with the secret of a receiver that runs with --dev')
    .option('--source <name>', 'this one only (default: all, or that of the URL)')
    .option('--ca-file <path>', 'certificates (PEM) to trust beside the public ones')
    .option('--admin-url <url>', 'admin listener, to learn why something was refused', readAdminUrl)
    .option('--password-file <path>', 'file with its password (default: ADMIN_PASSWORD)')
    .option('--timeout <seconds>', 'for one answer', readSeconds, 15)
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

/** What one check found. */
export interface CheckResult extends Omit<Finding, 'source'> {
  /** Which one: `certificate`, `signature, mailtrap`. */
  readonly check: string
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

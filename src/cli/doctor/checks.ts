import {
  checkHealth,
  checkLargeBatch,
  checkProxy,
  checkRefusals,
  checkSignatures,
} from './check-answers.ts'
import { type CheckContext, type Finding, skipped } from './check-context.ts'
import { checkClock, checkDisk, checkStore, checkWebhooks } from './check-own-side.ts'
import { checkCertificate, checkDns, checkPort } from './check-way.ts'

interface Check {
  readonly name: string
  /** Those before it that make it senseless when they fail. */
  readonly needs?: readonly string[]
  readonly find: (context: CheckContext) => Finding[] | Promise<Finding[]>
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

/** What one check found. */
export interface CheckResult extends Omit<Finding, 'source'> {
  /** Which one: `certificate`, `signature, mailtrap`. */
  readonly check: string
}

export async function runChecks(context: CheckContext): Promise<CheckResult[]> {
  const failed = new Set<string>()
  const results: CheckResult[] = []
  for (const { name, needs = [], find } of CHECKS) {
    const isSenseless = needs.some((needed) => failed.has(needed))
    const findings = isSenseless ? [skipped('The way there is not clear')] : await find(context)
    if (findings.some(({ status }) => status === 'failed')) failed.add(name)
    for (const { source, ...finding } of findings) {
      results.push({ check: source === undefined ? name : `${name}, ${source}`, ...finding })
    }
  }
  return results
}

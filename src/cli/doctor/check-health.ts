import { type Finding, findingsOf } from './finding.ts'
import type { Patient } from './patient.ts'

const health = findingsOf('health')

/** Whether the receiver itself answers, and would take a batch. */
export async function checkHealth({ ask }: Patient): Promise<Finding> {
  const answer = await ask('/readyz', { method: 'GET' })
  if (!answer.isAnswered) {
    return health.failed(
      `No answer to GET /readyz (${answer.code}).`,
      'See that the receiver runs and that the load balancer passes requests on to it.',
    )
  }
  const { status, headers, text } = answer
  const readiness = readReadiness(text)
  if (status === 200 && readiness?.ready) {
    const odd = Object.entries(readiness.checks).filter(([, state]) => state !== 'ok')
    if (odd.length === 0) return health.ok('The receiver is ready')
    return health.warning(
      `The receiver is ready, but not all is well: ${describe(odd)}.`,
      'Look into its log.',
    )
  }
  if (readiness !== undefined) {
    return health.failed(
      `The receiver is not ready: ${describe(Object.entries(readiness.checks))}.`,
      'Look into its log: batches are answered 503 meanwhile.',
    )
  }
  if (status >= 300 && status < 400) {
    return health.failed(
      `GET /readyz is redirected to ${headers.location ?? 'somewhere'}.`,
      'Enter the final address as the URL: whether the provider follows redirects is not known.',
    )
  }
  return health.warning(
    `GET /readyz is answered ${status}, and not by the receiver.`,
    'Fine when the balancer passes /webhooks/ only. Otherwise the URL leads elsewhere.',
  )
}

interface Readiness {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, string>>
}

function readReadiness(text: string): Readiness | undefined {
  try {
    const { ready, checks } = JSON.parse(text)
    return typeof ready === 'boolean' && typeof checks === 'object' ? { ready, checks } : undefined
  } catch {
    return undefined
  }
}

function describe(checks: readonly (readonly [name: string, state: string])[]): string {
  return checks.map(([name, state]) => `${name} ${state}`).join(', ')
}

import { networkInterfaces } from 'node:os'
import * as z from 'zod'
import { matchBlocks } from '../../address.ts'
import type { Source } from '../../model.ts'
import { REFUSAL_HINTS } from '../../observe/figures.ts'
import { REFUSAL_REASONS, type RefusalReason } from '../../observe/observer.ts'
import { packBatch, signBatch } from '../../providers/outgoing-batch.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import type { OutgoingRequest } from '../../simulator/send-request.ts'
import {
  type CheckContext,
  type DatedExchange,
  type Finding,
  type Found,
  failed,
  ok,
  skipped,
  warning,
} from './check-context.ts'
import { explainAnswer, isReceived } from './explain-answer.ts'

const READINESS = z.object({ ready: z.boolean(), checks: z.record(z.string(), z.string()) })

/** Whether the receiver itself answers, and would take a batch. */
export async function checkHealth({ ask }: CheckContext): Promise<Finding> {
  const { status, headers, text } = await ask('/readyz', { method: 'GET' })
  if (typeof status === 'string') {
    return failed(
      `No answer to GET /readyz (${status}).`,
      'See that the receiver runs and that the load balancer passes requests on to it.',
    )
  }
  const readiness = readReadiness(text)
  if (status === 200 && readiness?.ready) {
    const odd = Object.entries(readiness.checks).filter(([, state]) => state !== 'ok')
    if (odd.length === 0) return ok('The receiver is ready')
    return warning(
      `The receiver is ready, but not all is well: ${describeStates(odd)}.`,
      'Look into its log.',
    )
  }
  if (readiness !== undefined) {
    return failed(
      `The receiver is not ready: ${describeStates(Object.entries(readiness.checks))}.`,
      'Look into its log: batches are answered 503 meanwhile.',
    )
  }
  if (status >= 300 && status < 400) {
    return failed(
      `GET /readyz is redirected to ${headers.location ?? 'somewhere'}.`,
      'Enter the final address as the URL: whether the provider follows redirects is not known.',
    )
  }
  return warning(
    `GET /readyz is answered ${status}, and not by the receiver.`,
    'Fine when the balancer passes /webhooks/ only. Otherwise the URL leads elsewhere.',
  )
}

/** Undefined: it is no answer of the receiver. */
function readReadiness(text: string) {
  try {
    return READINESS.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function describeStates(checks: readonly (readonly [name: string, state: string])[]): string {
  return checks.map(([name, state]) => `${name} ${state}`).join(', ')
}

/** As large as the provider's largest: 500 events with all the variables that they may have. */
const LARGE_BYTES = 1_600_000

/** Codes of a connection that was cut while the body was on its way. */
const CUT: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

const NO_SECRET = skipped('No signing secret is known here')

/** A signed batch has to be answered 200 without a redirect; one with a forged signature, 401. */
export async function checkSignatures(context: CheckContext): Promise<Found> {
  if (context.sources.length === 0) return NO_SECRET
  const findings: Finding[] = []
  for (const source of context.sources) {
    findings.push({ ...(await checkSignature(context, source)), source: source.name })
  }
  return findings
}

async function checkSignature(context: CheckContext, source: Source): Promise<Finding> {
  const { answer, reason } = await send(context, source, {})
  if (!isReceived(answer)) return failed(...explainAnswer(answer, reason))
  const { answer: forged } = await send(context, source, { isForged: true })
  if (forged.status === 401) {
    return ok('A signed batch is answered 200 without a redirect, a forged one 401')
  }
  return failed(
    `A batch with a forged signature is answered ${forged.status} instead of 401.`,
    'Something before the receiver answers in its place: a cache, a mock or a default page. Take it away.',
  )
}

/** A large batch must come through all balancers and firewalls. */
export async function checkLargeBatch(context: CheckContext): Promise<Finding> {
  const [source] = context.sources
  if (source === undefined) return NO_SECRET
  const { answer, reason } = await send(context, source, { bytes: LARGE_BYTES })
  if (isReceived(answer)) return ok('A signed batch of 1.6 MB is answered 200')
  if (CUT.has(answer.status)) {
    return failed(
      `The connection was cut while a batch of 1.6 MB was sent (${answer.status}).`,
      'Something on the way takes no body of that size. Raise its limit to 10 MB: client_max_body_size of nginx, the body limit of the gateway or firewall.',
    )
  }
  return failed(...explainAnswer(answer, reason))
}

/** An address that nobody has: no receiver may believe who claims it. */
const CLAIMED_ADDRESS = '192.0.2.77'

/** With a list of addresses, whoever may choose his own is let in by whatever he claims. */
export async function checkProxy(context: CheckContext): Promise<Finding> {
  const source = context.sources.find(({ allowIps }) => allowIps.length > 0)
  if (source === undefined) return skipped('Without ALLOW_IPS no address decides anything')
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  if (own.map(({ address }) => address).some(matchBlocks(context.settings.trustProxy))) {
    return skipped('This machine is itself among TRUST_PROXY: run this from another one')
  }
  const { answer: plain } = await send(context, source, {})
  if (!isReceived(plain)) return skipped('Batches from this machine are not taken')
  const headers = { 'x-forwarded-for': CLAIMED_ADDRESS }
  const { answer } = await send(context, source, { headers })
  if (answer.status !== 403) {
    return ok('An address that is only claimed, in X-Forwarded-For, is not believed')
  }
  return failed(
    'The receiver believes whatever address a sender claims in X-Forwarded-For: ALLOW_IPS is worth nothing.',
    'Set TRUST_PROXY to the addresses of your load balancers only, and let them replace or extend the header.',
  )
}

/** Whether others' requests were refused since the start for what somebody here can mend. */
export function checkRefusals({ statsBefore }: CheckContext): Found {
  if (!statsBefore) return skipped('The admin listener cannot be asked')
  const counts = statsBefore.batches.refused_by_reason
  const found = REFUSAL_REASONS.flatMap((reason) => {
    const [hint, count] = [REFUSAL_HINTS[reason], counts[reason] ?? 0]
    if (hint === undefined || count === 0) return []
    const [detail = '', ...remedy] = hint.split(/(?<=\.) /)
    return warning(`${count} refused as ${reason}. ${detail}`, remedy.join(' '))
  })
  return found.length > 0 ? found : [ok('None that somebody here could mend')]
}

interface BatchOptions {
  /** Blanks within the JSON make it so large. Default: as small as it is. */
  readonly bytes?: number
  /** Spoils the signature. */
  readonly isForged?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends a test batch; `reason`: why the receiver says it refused, where it can be asked. */
async function send(
  context: CheckContext,
  source: Source,
  options: BatchOptions,
): Promise<{ answer: DatedExchange; reason: RefusalReason | undefined }> {
  const before = await context.readStats()
  const query = source.urlToken === undefined ? '' : `?token=${encodeURIComponent(source.urlToken)}`
  const request = makeTestBatch(source, options, context.now())
  const answer = await context.ask(`/webhooks/${source.name}${query}`, request)
  if (answer.status !== 401) return { answer, reason: undefined }
  const after = await context.readStats()
  const countOf = (stats: typeof before, reason: RefusalReason) =>
    stats?.batches.refused_by_reason[reason] ?? 0
  const reason = REFUSAL_REASONS.find((one) => countOf(after, one) > countOf(before, one))
  return { answer, reason: before && after ? reason : undefined }
}

/**
 * A signed batch with the provider's test event, which no handler gets. It is the same each time,
 * so that the receiver keeps it once, whatever the size of the batch.
 */
function makeTestBatch(
  source: Source,
  { bytes = 0, isForged = false, headers }: BatchOptions,
  now: number,
): OutgoingRequest {
  const provider = PROVIDERS[source.provider]
  const format = provider.requests.format === 'json' ? 'json' : 'object'
  const packed = packBatch([JSON.stringify(provider.makeTestEvent())], format)
  const blanks = ' '.repeat(Math.max(0, bytes - packed.body.length))
  const body = Buffer.concat([Buffer.from(`{${blanks}`), packed.body.subarray(1)])
  const secrets = isForged ? ['no-secret-of-anybody'] : source.secrets
  const signed = signBatch(provider, { ...packed, body }, { ...source, secrets, now })
  const agent = { 'user-agent': 'mailtrap-receiver-doctor' }
  return { method: 'POST', body, headers: { ...agent, ...signed, ...headers } }
}

import type { Source } from '../../model.ts'
import { REFUSAL_REASONS, type RefusalReason } from '../../observe/observer.ts'
import type { Exchange } from './exchange.ts'
import { explainAnswer, isReceived } from './explain-answer.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Patient } from './patient.ts'
import { makeTestBatch, pathOf, type TestBatchOptions } from './test-batch.ts'

/** As large as the provider's largest: 500 events with all the variables that they may have. */
const LARGE_BYTES = 1_600_000

/** Codes of a connection that was cut while the body was on its way. */
const CUT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

const large = findingsOf('large batch')

/** A signed batch has to be answered 200 without a redirect; one with a forged signature, 401. */
export async function checkSignature(patient: Patient, source: Source): Promise<Finding> {
  const signature = findingsOf(`signature, ${source.name}`)
  const { answer, reason } = await send(patient, source, {})
  if (!isReceived(answer)) return signature.failed(...explainAnswer(answer, reason))
  const forged = await send(patient, source, { isForged: true })
  if (forged.answer.isAnswered && forged.answer.status === 401) {
    return signature.ok('A signed batch is answered 200 without a redirect, a forged one 401')
  }
  const told = forged.answer.isAnswered ? forged.answer.status : forged.answer.code
  return signature.failed(
    `A batch with a forged signature is answered ${told} instead of 401.`,
    'Something before the receiver answers in its place: a cache, a mock or a default page. Take it away.',
  )
}

/** A large batch must come through all balancers and firewalls. */
export async function checkLargeBatch(patient: Patient, source: Source): Promise<Finding> {
  const { answer, reason } = await send(patient, source, { bytes: LARGE_BYTES })
  if (isReceived(answer)) return large.ok('A signed batch of 1.6 MB is answered 200')
  if (!answer.isAnswered && CUT.has(answer.code)) {
    return large.failed(
      `The connection was cut while a batch of 1.6 MB was sent (${answer.code}).`,
      'Something on the way takes no body of that size. Raise its limit to 10 MB: client_max_body_size of nginx, the body limit of the gateway or firewall.',
    )
  }
  return large.failed(...explainAnswer(answer, reason))
}

type BatchOptions = Omit<TestBatchOptions, 'now'>

/** Sends a test batch; `reason`: why the receiver says it refused, where it can be asked. */
export async function send(
  patient: Patient,
  source: Source,
  options: BatchOptions,
): Promise<{ answer: Exchange; reason: RefusalReason | undefined }> {
  const before = await patient.readStats()
  const batch = makeTestBatch(source, { ...options, now: patient.now() })
  const answer = await patient.ask(pathOf(source), batch)
  if (!answer.isAnswered || answer.status !== 401) return { answer, reason: undefined }
  const after = await patient.readStats()
  const countOf = (stats: typeof before, reason: RefusalReason) =>
    stats?.batches.refused_by_reason[reason] ?? 0
  const reason = REFUSAL_REASONS.find((one) => countOf(after, one) > countOf(before, one))
  return { answer, reason: before && after ? reason : undefined }
}

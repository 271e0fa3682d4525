import { networkInterfaces } from 'node:os'
import type { Source } from '../../model.ts'
import { checkDns, checkPort } from './check-address.ts'
import { checkLargeBatch, checkSignature, send } from './check-batches.ts'
import { checkCertificate } from './check-certificate.ts'
import { checkClock } from './check-clock.ts'
import { checkHealth } from './check-health.ts'
import { CLAIMED_ADDRESS, checkProxy } from './check-proxy.ts'
import { checkDisk, checkStore } from './check-store.ts'
import { checkWebhooks } from './check-webhooks.ts'
import type { Exchange } from './exchange.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Patient } from './patient.ts'

/** Runs every check, from the outside in. One that makes others senseless has them skipped. */
export async function runChecks(patient: Patient): Promise<Finding[]> {
  const way = await checkWay(patient)
  const isOpen = way.every(({ status }) => status !== 'failed')
  const { findings: webhooks, providerAheadMs } = await checkWebhooks(patient)
  const [first] = patient.sources
  const probe = isOpen ? await probeProxy(patient, first) : SILENT
  return [
    ...way,
    ...(isOpen ? await checkAnswers(patient) : skipAnswers('The way there is not clear')),
    checkClock({ answer: probe, source: first, providerAheadMs }),
    first && isOpen
      ? checkProxy(probe, first, ownAddresses())
      : findingsOf('proxy headers').skipped('No batch was sent'),
    ...webhooks,
    ...(await checkStore(patient)),
    ...(await checkDisk(patient)),
  ]
}

const SILENT: Exchange = { isAnswered: false, code: 'not asked' }

/** A connection can be made, and may be trusted with credentials. */
async function checkWay(patient: Patient): Promise<Finding[]> {
  const dns = await checkDns(patient)
  if (dns.status === 'failed') return [dns]
  const port = await checkPort(patient)
  return port.status === 'failed' ? [dns, port] : [dns, port, await checkCertificate(patient)]
}

async function checkAnswers(patient: Patient): Promise<Finding[]> {
  const findings = [await checkHealth(patient)]
  for (const source of patient.sources) findings.push(await checkSignature(patient, source))
  const [first] = patient.sources
  if (!first) return [...findings, ...skipAnswers('No signing secret is known here')]
  return [...findings, await checkLargeBatch(patient, first)]
}

function skipAnswers(reason: string): Finding[] {
  return ['signature', 'large batch'].map((check) => findingsOf(check).skipped(reason))
}

/** A batch that claims to come from elsewhere; without a secret, any answer that tells the time. */
async function probeProxy(patient: Patient, source: Source | undefined): Promise<Exchange> {
  if (!source) return patient.ask('/readyz', { method: 'GET' })
  const { answer } = await send(patient, source, {
    headers: { 'x-forwarded-for': CLAIMED_ADDRESS },
  })
  return answer
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address)
}

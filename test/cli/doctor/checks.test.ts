import { describe, expect, it } from 'vitest'
import { checkCertificate } from '../../../src/cli/doctor/check-certificate.ts'
import { checkClock } from '../../../src/cli/doctor/check-clock.ts'
import { CLAIMED_ADDRESS, checkProxy } from '../../../src/cli/doctor/check-proxy.ts'
import type { Exchange } from '../../../src/cli/doctor/exchange.ts'
import type { Patient } from '../../../src/cli/doctor/patient.ts'
import { DOCTOR_ANSWER, type SeenRequest } from '../../../src/http/tell-doctor.ts'
import { sampleSource } from '../../providers/samples.ts'
import * as pem from './certificates.ts'
import { startProxy } from './start-proxy.ts'

const NOW = Date.UTC(2026, 10, 21)
const MAILTRAP = sampleSource('mailtrap')

function answered(seen: Partial<SeenRequest> = {}): Exchange {
  const at = new Date(NOW).toISOString()
  const told = { at, peer: '10.0.0.9', client: '10.0.0.9', isProxyTrusted: false, ...seen }
  const headers = { [DOCTOR_ANSWER]: encodeURIComponent(JSON.stringify(told)) }
  return { isAnswered: true, status: 200, headers, text: '', sentAt: NOW, answeredAt: NOW }
}

describe('the check of proxy headers', () => {
  const own = ['198.51.100.7']
  const check = (seen: Partial<SeenRequest>, source = MAILTRAP) =>
    checkProxy(answered(seen), source, own)

  it('finds that a sender can claim any address', () => {
    const believed = { client: CLAIMED_ADDRESS, isProxyTrusted: true }
    expect(check({ ...believed, forwardedFor: CLAIMED_ADDRESS })).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('ALLOW_IPS is worth nothing'),
    })
    const chain = `${CLAIMED_ADDRESS}, 203.0.113.9`
    expect(check({ ...believed, forwardedFor: chain }).status).toBe('failed')
  })

  it('does not mind when it runs on a trusted machine itself', () => {
    const forwardedFor = `${CLAIMED_ADDRESS}, ${own[0]}`
    expect(check({ client: CLAIMED_ADDRESS, isProxyTrusted: true, forwardedFor }).status).toBe(
      'skipped',
    )
  })

  it('finds a balancer that is not trusted, which matters more with an address list', () => {
    const forwardedFor = `${CLAIMED_ADDRESS}, 203.0.113.9`
    expect(check({ forwardedFor }).status).toBe('warning')
    expect(check({ forwardedFor, isProxyTrusted: true }).remedy).toContain('10.0.0.9')
    const listed = sampleSource('mailtrap', { allowIps: ['45.158.83.0/24'] })
    expect(check({ forwardedFor }, listed).status).toBe('failed')
  })

  it('finds trust in a balancer that adds nothing, and is content otherwise', () => {
    expect(check({ isProxyTrusted: true, forwardedFor: CLAIMED_ADDRESS }).status).toBe('warning')
    expect(check({ forwardedFor: CLAIMED_ADDRESS }).status).toBe('ok')
    const right = { client: '203.0.113.9', isProxyTrusted: true }
    expect(check({ ...right, forwardedFor: `${CLAIMED_ADDRESS}, 203.0.113.9` }).status).toBe('ok')
    const silent: Exchange = { isAnswered: false, code: 'timeout' }
    expect(checkProxy(silent, MAILTRAP, own).status).toBe('skipped')
  })
})

describe('the check of the clock', () => {
  const check = (
    aheadMs: number,
    options: { source?: typeof MAILTRAP; providerAheadMs?: number } = {},
  ) =>
    checkClock({
      answer: answered({ at: new Date(NOW + aheadMs).toISOString() }),
      source: options.source ?? MAILTRAP,
      providerAheadMs: options.providerAheadMs,
    })

  it('minds minutes, and seconds a little', () => {
    expect([5_000, 6_000, -60_000, 61_000].map((ahead) => check(ahead).status)).toEqual([
      'ok',
      'warning',
      'warning',
      'failed',
    ])
    expect(check(-90_000).detail).toContain('90 s behind this machine’s')
  })

  it('minds them sooner where the provider signs the time', () => {
    const source = sampleSource('mailingapi', { toleranceSeconds: 40 })
    expect(check(19_000, { source }).status).toBe('warning')
    expect(check(21_000, { source }).status).toBe('failed')
  })

  it('believes the provider more than this machine', () => {
    expect(check(0, { providerAheadMs: 120_000 })).toMatchObject({
      status: 'failed',
      detail: 'The receiver’s clock is 120 s behind the provider’s.',
    })
    expect(check(120_000, { providerAheadMs: 120_000 }).status).toBe('ok')
  })
})

describe('the check of the certificate', () => {
  it('warns two weeks before the end', async () => {
    const port = await startProxy(1, { tls: { cert: pem.LEAF + pem.MIDDLE, key: pem.LEAF_KEY } })
    const daysBefore = (days: number) =>
      checkCertificate({
        base: new URL(`https://127.0.0.1:${port}`),
        timeoutMs: 10_000,
        ca: [pem.ROOT],
        now: () => Date.UTC(2125, 0, 1) - days * 86_400_000,
      } as unknown as Patient)
    expect((await daysBefore(14)).status).toBe('ok')
    expect(await daysBefore(13)).toMatchObject({
      status: 'warning',
      detail: 'It is valid until 2125-01-01: 13 days left.',
    })
  })
})

import { describe, expect, it } from 'vitest'
import type { CheckContext } from '../../../src/cli/doctor/check-context.ts'
import { checkClock } from '../../../src/cli/doctor/check-own-side.ts'
import { checkCertificate } from '../../../src/cli/doctor/check-way.ts'
import { sampleSource } from '../../providers/samples.ts'
import * as pem from './certificates.ts'
import { startProxy } from './start-proxy.ts'

const MAILTRAP = sampleSource('mailtrap')

describe('the check of the clock', () => {
  const check = (
    aheadMs: number,
    options: { source?: typeof MAILTRAP; providerAheadMs?: number } = {},
  ) => {
    const { source = MAILTRAP, providerAheadMs } = options
    return checkClock({
      ask: async () => ({ status: 200, headers: {}, text: '', aheadMs }),
      sources: [source],
      mailtrap: { webhooks: [], failure: undefined, aheadMs: providerAheadMs },
    } as unknown as CheckContext)
  }

  it('minds minutes, and seconds a little', async () => {
    const aheads = [5_000, 6_000, -60_000, 61_000]
    const found = await Promise.all(aheads.map((ahead) => check(ahead)))
    expect(found.map(({ status }) => status)).toEqual(['ok', 'warning', 'warning', 'failed'])
    expect((await check(-90_000)).detail).toContain('90 s behind this machine’s')
  })

  it('minds them sooner where the provider signs the time', async () => {
    const source = sampleSource('mailingapi', { toleranceSeconds: 40 })
    expect((await check(19_000, { source })).status).toBe('warning')
    expect((await check(21_000, { source })).status).toBe('failed')
  })

  it('believes the provider more than this machine', async () => {
    expect(await check(0, { providerAheadMs: 120_000 })).toMatchObject({
      status: 'failed',
      detail: 'The receiver’s clock is 120 s behind the provider’s.',
    })
    expect((await check(120_000, { providerAheadMs: 120_000 })).status).toBe('ok')
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
      } as unknown as CheckContext)
    expect(await daysBefore(14)).toMatchObject({ status: 'ok' })
    expect(await daysBefore(13)).toMatchObject({
      status: 'warning',
      detail: 'It is valid until 2125-01-01: 13 days left.',
    })
  })
})

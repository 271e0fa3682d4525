import { describe, expect, it, vi } from 'vitest'
import { createGuardian, type GuardianPlan } from '../../src/guardian/guardian.ts'
import { createRecordingObserver } from '../dispatch/recording-observer.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { sampleSource } from '../providers/samples.ts'
import { startFakeMailtrap, TOKEN, webhook } from './fake-mailtrap.ts'

const START = Date.UTC(2026, 10, 21)
const MINUTE = 60_000
const PATIENCE = { interval: 10 }

/** A guardian whose clock stands still until a test turns it; its timers are real, and short. */
async function watch(options: { token?: string; mayResume?: boolean; lastWellAt?: number }) {
  const fake = await startFakeMailtrap([webhook()])
  const clock = { now: START, elapsedMs: 0 }
  const health = { isWell: true }
  const written: number[] = []
  const observer = createRecordingObserver()
  let ticks = 0
  const plan: { -readonly [Name in keyof GuardianPlan]: GuardianPlan[Name] } = {
    access: { url: fake.url, token: options.token ?? TOKEN, accountId: undefined },
    sources: [sampleSource('mailtrap')],
    publicUrl: undefined,
    mayResume: options.mayResume ?? false,
    intervalMs: 10,
  }
  const guardian = createGuardian({
    plan: () => plan,
    isWell: () => {
      ticks++
      return health.isWell
    },
    heartbeat: {
      read: async () => options.lastWellAt,
      write: async (at) => void written.push(at),
    },
    observer,
    now: () => clock.now,
    elapsedMs: () => clock.elapsedMs,
    random: () => 0.5,
  })
  onTestFinished(() => guardian.stop())
  const someTicks = async () => {
    const before = ticks
    await vi.waitFor(() => expect(ticks).toBeGreaterThan(before + 2), PATIENCE)
  }
  const turn = async (ms: number) => {
    clock.now += ms
    clock.elapsedMs += ms
    await someTicks()
  }
  await guardian.start()
  await vi.waitFor(() => expect(fake.calls.length).toBeGreaterThan(0), PATIENCE)
  await someTicks()
  return { fake, clock, health, plan, written, facts: observer.facts, guardian, turn }
}

describe('the guardian', () => {
  it('looks and resumes as often as before when the clock is set back', async () => {
    const { fake, clock, facts, turn } = await watch({ mayResume: true })
    await turn(MINUTE)
    clock.now -= 24 * 60 * MINUTE

    fake.webhooks[0]!.active = false
    for (const _ of Array.from({ length: 5 })) await turn(MINUTE)

    expect(facts.webhookResumed).toEqual([{ webhook: 9001, source: 'mailtrap' }])
  })

  it('tells of a paused webhook when it sees it, once an hour while it lasts, and of the end', async () => {
    const { fake, facts, guardian, turn } = await watch({})
    expect(facts.webhooksRight).toEqual([{ webhooks: 1 }])

    fake.webhooks[0]!.active = false
    await turn(MINUTE)
    await turn(MINUTE)
    expect(facts.webhooksWrong).toHaveLength(1)
    expect(guardian.figures()).toMatchObject({
      webhooks: [{ id: 9001, source: 'mailtrap', isPaused: true }],
      problems: [{ webhook: 9001, text: expect.stringContaining('paused') }],
      resumed: 0,
    })
    await turn(60 * MINUTE)
    expect(facts.webhooksWrong).toHaveLength(2)

    fake.webhooks[0]!.active = true
    await turn(MINUTE)
    expect(facts.webhooksRight).toHaveLength(2)
    expect(fake.calls.filter((call) => call.startsWith('PATCH'))).toEqual([])
  })

  it('resumes when it may and we have been well again for a while', async () => {
    const { fake, health, facts, guardian, turn } = await watch({ mayResume: true })
    fake.webhooks[0]!.active = false
    health.isWell = false
    await turn(MINUTE)
    expect(facts.webhookResumed).toEqual([])

    health.isWell = true
    await turn(MINUTE)
    await turn(MINUTE)
    expect(facts.webhookResumed).toEqual([{ webhook: 9001, source: 'mailtrap' }])
    expect(fake.webhooks[0]?.active).toBe(true)
    expect(guardian.figures()).toMatchObject({ resumed: 1, problems: [] })

    fake.webhooks[0]!.active = false
    await turn(60 * MINUTE)
    expect(facts.webhookResumed).toHaveLength(1)
  })

  it('asks less often after failures, and not before a 429 allows it', async () => {
    const { fake, facts, guardian, turn } = await watch({})
    const calls = fake.calls.length
    const body = { errors: 'Rate limit exceeded' }
    fake.answer = { status: 429, body, headers: { 'retry-after': '60' } }
    await turn(2_000)
    expect(fake.calls).toHaveLength(calls + 1)
    expect(facts.guardianFailed).toMatchObject([{ code: 'limited', nextLookMs: 60_000 }])
    expect(guardian.figures().failure).toContain('Rate limit exceeded')

    await turn(59_000)
    expect(fake.calls).toHaveLength(calls + 1)
    fake.answer = undefined
    await turn(1_000)
    expect(fake.calls).toHaveLength(calls + 2)
    expect(guardian.figures().failure).toBeUndefined()
  })

  it('tells that its token is refused, without telling the token', async () => {
    const { facts, guardian } = await watch({ token: 'a-wrong-token' })
    expect(facts.guardianFailed).toMatchObject([{ code: 'unauthorized' }])
    expect(JSON.stringify([facts, guardian.figures()])).not.toContain('a-wrong-token')
    expect(guardian.figures().lookedAt).toBeUndefined()
  })

  it('works by the settings of the moment', async () => {
    const { facts, plan, turn } = await watch({ token: 'old' })
    expect(facts.guardianFailed.length).toBeGreaterThan(0)
    plan.access = { ...plan.access, token: TOKEN }
    plan.sources = [sampleSource('mailtrap', { name: 'other' })]
    await turn(MINUTE)
    expect(facts.webhooksWrong).toMatchObject([{ problems: [{ source: 'other' }] }])
  })

  it('counts an outage of ours in retries of the provider', async () => {
    const { health, facts, guardian, turn, clock } = await watch({})
    const { now: began } = clock
    health.isWell = false
    await turn(MINUTE)
    await turn(149 * MINUTE)
    expect(facts.outageNearsLimit).toEqual([])
    await turn(MINUTE)
    expect(facts.outageNearsLimit).toMatchObject([{ retriesUsed: 30, retriesLimit: 40 }])
    expect(guardian.figures().outage).toMatchObject({ beganAt: began + MINUTE, retriesUsed: 30 })
    health.isWell = true
    await turn(60 * MINUTE)
    expect(facts.outageEnded).toMatchObject([{ retriesUsed: 40 }])
    expect(guardian.figures()).toMatchObject({ outage: undefined, lastOutage: { retriesUsed: 40 } })
  })

  it('counts the time in which no process ran, by what the one before wrote down', async () => {
    const { facts, written } = await watch({ lastWellAt: START - 61 * MINUTE })
    expect(facts.outageEnded).toMatchObject([{ durationMs: 61 * MINUTE, retriesUsed: 12 }])
    expect(written).toEqual([START])
  })

  it('writes down that it was well when it stops, and leaves nothing under way', async () => {
    const { fake, guardian, written, clock } = await watch({})
    fake.answer = 'hang'
    clock.now += MINUTE
    clock.elapsedMs += MINUTE
    await vi.waitFor(() => expect(fake.calls).toHaveLength(2), PATIENCE)
    await guardian.stop()
    expect(written.at(-1)).toBe(clock.now)
  })
})

import { describe, expect, it } from 'vitest'
import {
  type AssessmentRules,
  assessWebhooks,
  NO_MEMORY,
  noteResumed,
} from '../../src/guardian/assess-webhooks.ts'
import { type ProviderWebhook, readWebhooks } from '../../src/guardian/management-api.ts'
import { sampleSource } from '../providers/samples.ts'

const NOW = Date.UTC(2026, 10, 21)
const HOUR = 3_600_000

function seen(changes: Partial<ProviderWebhook> = {}): ProviderWebhook {
  return {
    id: 9001,
    url: 'https://hooks.example.com/webhooks/mailtrap',
    isActive: true,
    type: 'email_sending',
    format: 'json',
    eventTypes: ['bounce', 'delivery'],
    ...changes,
  }
}

const RULES: AssessmentRules = {
  sources: [sampleSource('mailtrap')],
  publicUrl: undefined,
  mayResume: true,
  steadyMs: 60_000,
}

function look(webhooks: ProviderWebhook[], at = NOW, wellSince: number | undefined = 0) {
  return { webhooks, at, wellSince }
}

const textsOf = (assessment: ReturnType<typeof assessWebhooks>) =>
  assessment.problems.map(({ text }) => text)

describe('which webhooks are ours', () => {
  it.each([
    ['https://hooks.example.com/webhooks/mailtrap?token=x', undefined, true],
    ['https://u:p@hooks.example.com/webhooks/mailtrap', 'https://hooks.example.com', true],
    ['https://hooks.example.com/mail/webhooks/mailtrap', 'https://hooks.example.com/mail', true],
    ['https://hooks.example.com/mail/webhooks/mailtrap', undefined, false],
    ['https://other.example.com/webhooks/mailtrap', 'https://hooks.example.com', false],
    ['http://hooks.example.com/webhooks/mailtrap', 'https://hooks.example.com', false],
    ['https://hooks.example.com/webhooks/mailtraps', undefined, false],
    ['no address', undefined, false],
  ])('%s with PUBLIC_URL %s: %s', (url, publicUrl, isOurs) => {
    const { webhooks } = assessWebhooks(NO_MEMORY, look([seen({ url })]), { ...RULES, publicUrl })
    expect(webhooks).toHaveLength(isOurs ? 1 : 0)
  })

  it('says so when none leads to a source', () => {
    expect(textsOf(assessWebhooks(NO_MEMORY, look([]), RULES))).toEqual([
      expect.stringContaining('No webhook at the provider leads to /webhooks/mailtrap'),
    ])
  })

  it('resumes none when they lead to several hosts, and asks which is ours', () => {
    const staging = seen({
      id: 2,
      isActive: false,
      url: 'https://staging.example.com/webhooks/mailtrap',
    })
    const { problems, resume } = assessWebhooks(NO_MEMORY, look([seen(), staging]), RULES)
    expect(resume).toEqual([])
    expect(problems.map(({ text }) => text)).toContainEqual(expect.stringContaining('PUBLIC_URL'))
  })
})

describe('what is wrong with them', () => {
  it('is nothing when they are as they were', () => {
    const first = assessWebhooks(NO_MEMORY, look([seen()]), RULES)
    expect(first.problems).toEqual([])
    expect(assessWebhooks(first.memory, look([seen()]), RULES).problems).toEqual([])
  })

  it('is that they are paused', () => {
    const { problems } = assessWebhooks(NO_MEMORY, look([seen({ isActive: false })]), RULES)
    expect(problems).toEqual([
      { webhook: 9001, source: 'mailtrap', text: expect.stringContaining('It is paused') },
    ])
  })

  it.each<[Partial<ProviderWebhook>, string]>([
    [{ format: 'jsonlines' }, 'Its payload format was json and is jsonlines.'],
    [{ eventTypes: ['delivery'] }, 'Its event types was bounce, delivery and is delivery.'],
    [
      { url: 'https://new.example.com/webhooks/mailtrap?token=secret' },
      'Its URL was https://hooks.example.com/webhooks/mailtrap and is https://new.example.com/webhooks/mailtrap.',
    ],
    [{ url: 'https://elsewhere.example.com/' }, 'Its URL leads elsewhere now.'],
  ])('is a change since they were seen first: %j', (changes, text) => {
    const { memory } = assessWebhooks(NO_MEMORY, look([seen()]), RULES)
    const later = assessWebhooks(memory, look([seen(changes)]), RULES)
    expect(textsOf(later)).toContain(text)
    // For as long as it lasts, and not only once.
    expect(textsOf(assessWebhooks(later.memory, look([seen(changes)]), RULES))).toContain(text)
  })

  it('is that one was deleted', () => {
    const { memory } = assessWebhooks(NO_MEMORY, look([seen(), seen({ id: 2 })]), RULES)
    expect(assessWebhooks(memory, look([seen()]), RULES).problems).toEqual([
      { webhook: 2, source: 'mailtrap', text: expect.stringContaining('was deleted') },
    ])
  })

  it('is that they cannot let themselves in, told without a secret', () => {
    const sources = [sampleSource('mailtrap', { urlToken: 'ticket', basicAuth: 'user:pa:ss' })]
    const judged = (url: string) =>
      textsOf(assessWebhooks(NO_MEMORY, look([seen({ url })]), { ...RULES, sources }))
    const path = 'hooks.example.com/webhooks/mailtrap'
    expect(judged(`https://user:pa%3Ass@${path}?token=ticket`)).toEqual([])
    expect(judged(`https://user:****@${path}?token=ticket`)).toEqual([])
    const plus = [sampleSource('mailtrap', { urlToken: 'a+b=' })]
    for (const token of ['a+b=', 'a%2Bb%3D']) {
      const webhooks = [seen({ url: `https://${path}?token=${token}` })]
      expect(
        assessWebhooks(NO_MEMORY, look(webhooks), { ...RULES, sources: plus }).problems,
      ).toEqual([])
    }
    const texts = judged(`https://user:other@${path}?token=wrong`)
    expect(texts).toEqual([
      expect.stringContaining('URL_TOKEN'),
      expect.stringContaining('BASIC_AUTH'),
    ])
    expect(texts.join()).not.toMatch(/ticket|pa:ss|other|wrong/)
  })
})

describe('which are resumed', () => {
  const paused = [seen({ isActive: false })]
  const resumedBy = (rules: Partial<AssessmentRules>, wellSince: number | undefined, at = NOW) =>
    assessWebhooks(NO_MEMORY, look(paused, at, wellSince), { ...RULES, ...rules }).resume.map(
      ({ id }) => id,
    )

  it('are the paused ones, once we have been well for a while', () => {
    expect(resumedBy({}, NOW - 60_000)).toEqual([9001])
    expect(resumedBy({}, NOW - 59_999)).toEqual([])
    expect(resumedBy({ mayResume: false }, 0)).toEqual([])
    const unwell = { webhooks: paused, at: NOW, wellSince: undefined }
    expect(assessWebhooks(NO_MEMORY, unwell, RULES).resume).toEqual([])
    expect(assessWebhooks(NO_MEMORY, look([seen()]), RULES).resume).toEqual([])
  })

  it('are not those that somebody paused again, until the next outage or day', () => {
    const memory = noteResumed(NO_MEMORY, 9001, NOW)
    const resumed = (at: number, wellSince: number) =>
      assessWebhooks(memory, look(paused, at, wellSince), RULES).resume.length
    expect(resumed(NOW + HOUR, NOW - HOUR)).toBe(0)
    expect(resumed(NOW + 24 * HOUR, NOW - HOUR)).toBe(1)
    expect(resumed(NOW + HOUR, NOW + HOUR / 2)).toBe(1)
  })
})

describe('readWebhooks', () => {
  it('reads what the provider lists, and sorts the events', () => {
    const listed = {
      id: 9001,
      url: 'https://hooks.example.com/webhooks/mailtrap',
      active: false,
      webhook_type: 'email_sending',
      payload_format: 'json',
      event_types: ['delivery', 'bounce'],
    }
    expect(readWebhooks([listed])).toEqual([
      {
        id: 9001,
        url: 'https://hooks.example.com/webhooks/mailtrap',
        isActive: false,
        type: 'email_sending',
        format: 'json',
        eventTypes: ['bounce', 'delivery'],
      },
    ])
  })

  it('reads webhooks that lack keys, and skips what has no id', () => {
    expect(readWebhooks([{ id: 1 }, { id: '2' }, {}])).toMatchObject([
      { id: 1, url: '', isActive: true },
    ])
  })
})

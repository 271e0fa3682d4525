import { describe, expect, it } from 'vitest'
import { describeBody, explainRefusal } from '../../src/guardian/management-failure.ts'
import { runCommand } from './run-command.ts'

const context = {
  provider: 'Mailtrap',
  tokenName: 'MAILTRAP_API_TOKEN',
  account: undefined,
  id: undefined,
}

describe('what an API answers instead', () => {
  it.each([
    [{ error: 'Not Found' }, 'Not Found'],
    [{ errors: 'Account access forbidden' }, 'Account access forbidden'],
    [{ errors: { url: ["can't be blank", 'is invalid'] } }, "url can't be blank, is invalid"],
    [{ errors: { base: ['no inbox'], url: 'odd' } }, 'no inbox; url odd'],
    [{ success: false, errors: ['one', 'two'] }, 'one, two'],
    [{ error: { code: 'invalid_url', message: 'no' } }, 'invalid_url: no'],
    ['<html>Bad gateway</html>', '<html>Bad gateway</html>'],
    [{ odd: 1 }, '{"odd":1}'],
    ['', 'an empty answer'],
    [undefined, 'an empty answer'],
    ['x'.repeat(1_000), 'x'.repeat(200)],
  ])('is read in every shape: %j', (body, text) => {
    expect(describeBody(body)).toBe(text)
  })

  it.each([
    [{ status: 429, body: '', retryAfter: '7' }, 'Wait 7 seconds, then try again.'],
    [
      { status: 502, body: 'Bad gateway', retryAfter: undefined },
      'Mailtrap answered 502: Bad gateway.',
    ],
    [{ status: 404, body: '', retryAfter: undefined }, 'knows no webhooks there (an empty answer)'],
  ])('is a sentence: %j', (refusal, text) => {
    expect(explainRefusal(refusal, context).message).toContain(text)
  })
})

describe('mailtrap-receiver webhooks', () => {
  it('takes no password in the address of the API, and does not repeat it', async () => {
    const argv = ['webhooks', 'list', '--api-url', 'http://me:hunter2@127.0.0.1:9']
    const { exitCode, err } = await runCommand(argv, { env: { MAILTRAP_API_TOKEN: 'any' } })
    expect(exitCode).toBe(2)
    expect(err).toContain('--token-file')
    expect(err).not.toContain('hunter2')
  })

  it('reads the address of MailingAPI as any setting: no password in it, and none when it is empty', async () => {
    const argv = ['webhooks', 'list', '--provider', 'mailingapi']
    const env = { MAILINGAPI_API_TOKEN: 'any' }
    const wrong = { ...env, MAILINGAPI_API_URL: 'http://me:hunter2@127.0.0.1:9' }
    const refused = await runCommand(argv, { env: wrong })
    expect(refused.exitCode).toBe(78)
    expect(refused.err).toContain('MAILINGAPI_API_URL is no plain address')
    expect(refused.err).not.toContain('hunter2')
    const stopped = AbortSignal.abort()
    const usual = await runCommand(argv, { env: { ...env, MAILINGAPI_API_URL: ' ' }, stopped })
    expect(usual.err).toContain('https://api.mailingapi.com')
  })

  it('refuses events for a type of webhook that sends everything', async () => {
    const url = ['--url', 'https://hooks.example.com/webhooks/mailtrap']
    const argv = ['webhooks', 'create', ...url, '--type', 'audit_log', '--events', 'bounce']
    const { exitCode, err } = await runCommand(argv, { env: { MAILTRAP_API_TOKEN: 'any' } })
    expect({ exitCode, err }).toEqual({
      exitCode: 2,
      err: 'error: Of audit_log everything is sent: leave --events out.\n',
    })
  })

  it('refuses what cannot be the id of a webhook', async () => {
    const argv = ['webhooks', 'get', 'seven']
    const { exitCode, err } = await runCommand(argv, { env: { MAILTRAP_API_TOKEN: 'any' } })
    expect(exitCode).toBe(2)
    expect(err).toContain('have numbers, and seven is none')
  })
})

import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { captureLog } from './captured-log.ts'

describe('createLogger', () => {
  it('writes a JSON object a line, without host and process', () => {
    const { log, text, lines } = captureLog()
    log.info({ source: 'audit' }, 'started')
    expect(text()).toMatch(/\}\n$/)
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        source: 'audit',
        msg: 'started',
      },
    ])
  })

  it('writes lines for people when asked', () => {
    const { log, text } = captureLog({ pretty: true })
    log.warn({ batch: 'b1' }, 'look')
    expect(text()).toMatch(/WARN.*look.*"batch":"b1"/)
    expect(text().trimEnd()).not.toContain('\n')
  })

  it('shows people texts of several lines below their line, where they pass for none of ours', () => {
    const { log, text } = captureLog({ pretty: true })
    const forged = 'Error: x\n[09:00:00.000] INFO: forged\n    at y\u001b[31m'
    log.warn({ batch: 'b1', error: forged }, 'first\nsecond')
    const [first, ...below] = stripVTControlCharacters(text()).trimEnd().split('\n')
    expect(first).toMatch(/WARN.*first \{"batch":"b1"\}/)
    expect(below).toEqual([
      '    second',
      '    error: Error: x',
      '    [09:00:00.000] INFO: forged',
      '        at y\\x1b[31m',
    ])
  })

  it('shows people the stack of an error likewise', () => {
    const { log, text } = captureLog({ pretty: true })
    log.error({ err: new TypeError('wrong', { cause: new Error('refused') }) }, 'failed')
    const [first, second, third] = stripVTControlCharacters(text()).split('\n')
    expect(first).toMatch(/ERROR.*failed \{"cause":"refused"\}/)
    expect([second, third]).toEqual(['    TypeError: wrong', expect.stringMatching(/^ {8}at /)])
  })

  it.each([
    'authorization',
    'Authorization',
    'cookie',
    'set-cookie',
    'mailtrap-signature',
    'x-mailtrap-signature',
    'x-mailingapi-signature',
    'x-forwarded-for',
    'user-agent',
    'user_agent',
    'userAgent',
    'ip',
    'email',
    'recipient',
    'token',
    'secret',
    'secrets',
    'password',
    'body',
    'payload',
    'custom_variables',
  ])('blanks %s at every depth', (name) => {
    const { log, text, lines } = captureLog({ level: 'trace' })
    log.info(
      { [name]: 'leak', request: { headers: { [name]: ['leak'] }, list: [{ [name]: 'leak' }] } },
      'x',
    )
    log.child({ [name]: 'kept out of children too' }).debug('y')
    expect(text()).not.toContain('leak')
    expect(lines()[0]).toMatchObject({ [name]: '[hidden]' })
  })

  it('hides e-mail addresses in any other text, and nothing that only looks like one', () => {
    const { log, text, lines } = captureLog()
    log.info(
      { note: 'a\nuser1@example.com', list: ['B <user2@example.com>'] },
      'to\nuser3@example.com',
    )
    log.info('by %s', 'user4@example.com')
    log.info('in node_modules/@scope/package/file.js at @media')
    expect(text()).not.toContain('example.com')
    expect(lines()).toMatchObject([
      { note: 'a\n[e-mail]', list: ['B <[e-mail]>'], msg: 'to\n[e-mail]' },
      { msg: 'by [e-mail]' },
      { msg: 'in node_modules/@scope/package/file.js at @media' },
    ])
  })

  it('shows the path of a request, never its query', () => {
    const { log, text, lines } = captureLog()
    log.info({ req: { method: 'POST', url: '/webhooks/a?token=leak', headers: { host: 'leak' } } })
    expect(text()).not.toContain('leak')
    expect(lines()).toMatchObject([{ req: { method: 'POST', path: '/webhooks/a' } }])
  })

  it('shows an error without what libraries hang on it', () => {
    const { log, text, lines } = captureLog()
    const cause = new Error('user1@example.com refused')
    const error = Object.assign(new TypeError('for user1@example.com', { cause }), {
      code: 'E_X',
      config: { headers: { authorization: 'leak' }, data: 'leak' },
    })
    log.error({ err: error }, 'failed')
    log.error(error)
    log.error({ err: 'a text' })
    expect(text()).not.toMatch(/leak|example\.com/)
    expect(lines()).toMatchObject([
      {
        err: { type: 'TypeError', code: 'E_X', message: 'for [e-mail]', cause: '[e-mail] refused' },
      },
      { err: { type: 'TypeError' } },
      { err: { message: 'a text' } },
    ])
  })

  it('survives fields that refer to themselves', () => {
    const { log, lines } = captureLog()
    const fields: Record<string, unknown> = {}
    fields['self'] = fields
    log.info(fields, 'round')
    expect(lines()).toMatchObject([{ msg: 'round' }])
  })
})

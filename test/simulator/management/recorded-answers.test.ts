import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { newWebhook, startSimulator } from '../start-simulator.ts'

const FOLDER = 'fixtures/payloads'
const URL = 'https://hooks.example.com/mailtrap/main'

interface Recorded {
  readonly request: {
    readonly method: string
    readonly path: string
    readonly paths: readonly string[]
    readonly headers: Record<string, string>
    readonly body?: object
  }
  readonly response: {
    readonly status: number
    readonly headers?: Record<string, string>
    readonly body: unknown
  }
}

function readRecorded(name: string): Recorded {
  return JSON.parse(readFileSync(`${FOLDER}/${name}.json`, 'utf8'))
}

const EVENT_TYPES = ['delivery', 'soft_bounce', 'bounce', 'spam_complaint']

/** What must be there before, made through the API in the recorded order. */
async function startWith(count: number, paused = false) {
  const { call, simulator } = await startSimulator({ token: undefined, account: '4711' })
  const created = [
    newWebhook(URL, { event_types: EVENT_TYPES, active: !paused }),
    readRecorded('mailtrap-api/create-inbound.200').request.body,
    readRecorded('mailtrap-api/create-audit.200').request.body,
  ]
  for (const body of created.slice(0, count)) await call('POST', '/api/webhooks', body)
  return { call, simulator }
}

/** What differs from run to run. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value) ?? 'null'
  return JSON.parse(
    text
      .replace(/"(signing_secret|secret)":"(whsec_)?[^"]+"/g, '"$1":"$2…"')
      .replace(/"wh_\w+"/g, '"wh_…"')
      .replace(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/g, '"<time>"')
      .replace(/("(total_sent|successful|failed)":)\d+/g, '$10')
      .replace(/("last_\w+":)(null|"<time>")/g, '$1null')
      .replace(/"id":90\d\d/g, '"id":9000'),
  )
}

const MAILTRAP: [name: string, existing: number][] = [
  ['create.200', 0],
  ['create-inbound.200', 1],
  ['create-audit.200', 2],
  ['list-empty.200', 0],
  ['list.200', 3],
  ['get.200', 1],
  ['update.200', 1],
  ['resume.200', 1],
  ['error.404', 0],
  ['error.422', 0],
]

describe('the simulated Mailtrap, asked as recorded', () => {
  it.each(MAILTRAP)('answers as in %s, under both paths', async (name, existing) => {
    const { request, response } = readRecorded(`mailtrap-api/${name}`)
    expect(request.paths).toHaveLength(2)
    for (const path of request.paths) {
      const { call } = await startWith(existing)
      const { 'content-type': _type, ...headers } = request.headers
      const answer = await call(request.method, path, request.body, headers)
      expect(answer.status).toBe(response.status)
      expect(plain(answer.body)).toEqual(plain(response.body))
      expect(Object.keys(answer.body.data ?? {})).toEqual(
        Object.keys((response.body as { data?: object }).data ?? {}),
      )
      expect(answer.headers.get('x-ratelimit-limit')).toBe('150')
      expect(Number(answer.headers.get('x-ratelimit-remaining'))).toBeLessThan(150)
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    }
  })

  it('answers as in delete.200, and shows the webhook as it was', async () => {
    const { request, response } = readRecorded('mailtrap-api/delete.200')
    const { call } = await startWith(1, true)
    const answer = await call('DELETE', request.paths[1]!)
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual(response.body)
    expect((await call('GET', request.paths[0]!)).status).toBe(404)
  })

  it('answers as in error.401, error.403 and error.429', async () => {
    const { call } = await startSimulator({ account: '4711', elapsedMs: () => 0 })
    const [e401, e403, e429] = [401, 403, 429].map(
      (status) => readRecorded(`mailtrap-api/error.${status}`).response,
    )
    const wrong = await call('GET', '/api/webhooks', undefined, { authorization: 'Bearer no' })
    expect([wrong.status, wrong.body]).toEqual([401, e401!.body])
    expect(wrong.headers.get('www-authenticate')).toBe(e401!.headers!['www-authenticate'])
    const foreign = await call('GET', '/api/accounts/12/webhooks')
    expect([foreign.status, foreign.body]).toEqual([403, e403!.body])
    await Promise.all(Array.from({ length: 150 }, () => call('GET', '/api/webhooks')))
    const limited = await call('GET', '/api/webhooks')
    expect([limited.status, limited.body]).toEqual([429, e429!.body])
    expect(limited.headers.get('x-ratelimit-remaining')).toBe('0')
  })

  it('takes the token as Api-Token too', async () => {
    const { call } = await startSimulator({ token: 'right' })
    const headers = { authorization: '', 'api-token': 'right' }
    expect((await call('GET', '/api/webhooks', undefined, headers)).status).toBe(200)
  })

  it('has an answer for each recorded error but the sample of a general message', () => {
    const names = readdirSync(`${FOLDER}/mailtrap-api`).map((name) => name.replace('.json', ''))
    const asked = [...MAILTRAP.map(([name]) => name), 'delete.200']
    const others = ['error.401', 'error.403', 'error.429', 'error.422-base']
    expect(names.sort()).toEqual([...asked, ...others].sort())
  })
})

describe('the simulated MailingAPI, asked as recorded', () => {
  const create = readRecorded('mailingapi-api/create.assumed-201')

  it.each(['create.assumed-201', 'create-own-secret.assumed-201'])(
    'creates as in %s',
    async (name) => {
      const { request, response } = readRecorded(`mailingapi-api/${name}`)
      const { call } = await startSimulator({ token: undefined })
      const answer = await call('POST', request.path, request.body)
      expect(answer.status).toBe(201)
      expect(plain(answer.body)).toEqual(plain(response.body))
    },
  )

  it.each(['list.200', 'get.200', 'update.200', 'delete.204'])('answers as in %s', async (name) => {
    const { request, response } = readRecorded(`mailingapi-api/${name}`)
    const { call } = await startSimulator({ token: undefined })
    const { body } = await call('POST', '/v1/webhooks', create.request.body)
    const path = request.path.replace('wh_ref01', body.id)
    const answer = await call(request.method, path, request.body)
    expect(answer.status).toBe(response.status)
    expect(plain(answer.body ?? null)).toEqual(plain(response.body))
  })

  it('refuses with the published codes', async () => {
    const { call, simulator } = await startSimulator()
    const refuse = async (method: string, path: string, body?: object) => {
      const answer = await call(method, path, body)
      return [answer.status, answer.body.error.code]
    }
    const { body } = await call('POST', '/v1/webhooks', create.request.body)
    const path = `/v1/webhooks/${body.id}`
    const url = 'https://hooks.example.com/x'
    const events = ['delivered']
    expect(
      await refuse('POST', '/v1/webhooks', { url: 'http://hooks.example.com', events }),
    ).toEqual([422, 'invalid_url'])
    expect(await refuse('POST', '/v1/webhooks', { url, events: [] })).toEqual([
      422,
      'invalid_events',
    ])
    expect(await refuse('PATCH', path, { events: ['delivery'] })).toEqual([422, 'invalid_events'])
    expect(await refuse('GET', '/v1/webhooks/wh_none')).toEqual([404, 'webhook_not_found'])
    const [webhook] = simulator.senders.ofProvider('mailingapi')
    simulator.change({ ...webhook!, status: 'disabled' })
    expect(await refuse('PATCH', path, { status: 'active' })).toEqual([409, 'webhook_disabled'])
    const stranger = await call('GET', '/v1/webhooks', undefined, { authorization: 'Bearer no' })
    expect(stranger.status).toBe(401)
  })
})

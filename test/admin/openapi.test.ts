import { beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { basic, buildAdmin, makeHandler } from './build-admin.ts'
import { makeEvent, makeJob, makePiece } from './memory-archive.ts'

type Schema = z.core.JSONSchema.JSONSchema
interface Content {
  readonly content: Readonly<Record<string, { schema: Schema }>>
}
interface Operation {
  readonly summary: string
  readonly operationId: string
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: Schema }[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}
interface Document {
  readonly openapi: string
  readonly info: { readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: { readonly Error: Schema } }
}

/** A request for every call, that it answers with 200; with the value of each parameter. */
const CALLS: Readonly<Record<string, Call>> = {
  'get /api/openapi.json': {},
  'get /api/stats': {},
  'get /api/process': {},
  'get /api/events': {
    query: {
      ...{ source: 'mailtrap', type: 'bounce', state: 'done', recipient: 'ada@example.com' },
      ...{ message_id: 'message-2', event_id: 'event-2', batch: 'batch-2' },
      ...{ from: '2026-11-21', to: '1795300000' },
      ...{ limit: '10', cursor: '2' },
    },
  },
  'get /api/events/{id}': { path: { id: '1' } },
  'get /api/jobs': { query: { handler: 'h', state: 'dead', limit: '1', cursor: '2.h' } },
  'get /api/quarantine': { query: { limit: '1', cursor: '8' } },
  'get /api/quarantine/{id}': { path: { id: '7' } },
  'get /api/quarantine/{id}/body': { path: { id: '7' } },
  'post /api/replay': {
    body: { handler: 'h', state: 'dead', type: 'bounce', from: 0, to: '2026-11-22', event: '1' },
  },
  'post /api/erase': { body: { recipient: 'ada@example.com' } },
  'post /api/prune': {},
  'post /api/backfill': {
    body: {
      ...{ from: '2026-11-21T02:00:00Z', to: 1_795_300_000, source: 'mailtrap' },
      ...{ dry_run: false, events: [{ event: 'open', message_id: 'm-1' }] },
    },
  },
  'get /api/audit': { query: { limit: '1', cursor: '3' } },
  'get /metrics': {},
  'get /api/series': { query: { span: '1h' } },
  'get /api/ack': {},
  'get /api/sources': {},
  'get /api/events.csv': {
    query: {
      ...{ source: 'mailtrap', type: 'bounce', state: 'done', recipient: 'ada@example.com' },
      ...{ message_id: 'message-2', event_id: 'event-2', batch: 'batch-2' },
      ...{ from: '2026-11-21', to: '1795300000' },
    },
  },
  'post /api/jobs/replay': {
    body: {
      ...{ jobs: [{ event: '1', handler: 'h' }], handler: 'h', event: '1', type: 'bounce' },
      ...{ from: '2026-11-21', to: '1795300000', error: 'no such list' },
    },
  },
  'post /api/jobs/retry': {
    body: {
      ...{ jobs: [{ event: '1', handler: 'h' }], handler: 'h', event: '1', type: 'bounce' },
      ...{ from: '2026-11-21', to: '1795300000', error: 'no such list' },
    },
  },
  'post /api/jobs/discard': {
    body: {
      ...{ jobs: [{ event: '1', handler: 'h' }], handler: 'h', event: '1', type: 'bounce' },
      ...{ from: '2026-11-21', to: '1795300000', error: 'no such list', reason: 'given up' },
    },
  },
  'get /api/handlers': {},
  'get /api/handlers/{name}/failures': { path: { name: 'h' } },
  'post /api/handlers/{name}/pause': { path: { name: 'h' } },
  'post /api/handlers/{name}/resume': { path: { name: 'h' } },
  'post /api/quarantine/{id}/replay': { path: { id: '7' } },
  'post /api/login': { body: { password: 'x' } },
  'post /api/logout': {},
  'get /api/session': {},
}

interface Call {
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Readonly<Record<string, unknown>>
}

/** These answer without the store. */
const STORELESS = [
  ...['/metrics', '/api/openapi.json', '/api/ack', '/api/process'],
  ...['/api/session', '/api/login', '/api/logout'],
]

let admin: ReturnType<typeof buildAdmin>
let document: Document

beforeEach(async () => {
  admin = buildAdmin()
  admin.handlers.push(makeHandler('h'))
  admin.archive.handlers.set('h', undefined)
  admin.archive.events.push(
    makeEvent('2', { jobs: [makeJob('2', 'h', 'done')] }),
    makeEvent('1', { name: undefined, recipient: undefined, jobs: [makeJob('1', 'h', 'dead')] }),
  )
  admin.archive.quarantine.push(makePiece('8', Buffer.from('x')), makePiece('7', Buffer.from('{')))
  document = (await admin.app.inject('/api/openapi.json')).json()
})

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )

function send(path: string, method: string, { path: ids = {}, query = {}, body }: Call) {
  return admin.app.inject({
    method: method as 'GET',
    url: path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => ids[name] ?? ''),
    query: { ...query },
    ...(body && { payload: body }),
  })
}

/** The paths of the tree that Fastify prints. */
function readRoutes(tree: string): string[] {
  const parents: string[] = []
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods] =
      /^([│ ]*)[├└]── (\S+)(?: \((.+)\))?/.exec(line) ?? []
    const depth = indent.length / 4
    parents.splice(depth, parents.length, part)
    return methods === undefined ? [] : [parents.join('').replaceAll(/:(\w+)/g, '{$1}')]
  })
}

/** No field but those of the document, at any depth. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([key, one]) => [key, closed(one)]))
  const isObject = 'properties' in schema && !('additionalProperties' in schema)
  return isObject ? { ...inner, additionalProperties: false } : inner
}

function expectShape(value: unknown, schema: Schema): void {
  expect(schema, 'a shape').not.toEqual({})
  const isError = JSON.stringify(schema).includes('#/components/schemas/Error')
  const own = closed(isError ? document.components.schemas.Error : schema)
  z.fromJSONSchema(own as Schema).parse(value)
}

describe('the OpenAPI document', () => {
  it('describes every call, and each of them here', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } })
    const described = operations().map(({ path, method }) => `${method} ${path}`)
    expect(described.sort()).toEqual(Object.keys(CALLS).sort())
    const taken = readRoutes(admin.app.printRoutes({ commonPrefix: false }))
    const calls = taken.filter((path) => /^\/(api\/|metrics)/.test(path))
    expect(calls.sort()).toEqual(Object.keys(document.paths).sort())
    const ids = operations().map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('gives the parameters that are read, and the shape of every answer', async () => {
    for (const { path, method, operation } of operations()) {
      const call = CALLS[`${method} ${path}`] ?? {}
      const namesOf = (place: string) =>
        (operation.parameters ?? []).filter((one) => one.in === place).map(({ name }) => name)
      expect(namesOf('path'), path).toEqual(Object.keys(call.path ?? {}))
      expect(namesOf('query'), path).toEqual(Object.keys(call.query ?? {}))
      for (const { name, schema } of operation.parameters ?? []) {
        z.fromJSONSchema(schema).parse(call.query?.[name] ?? call.path?.[name])
      }
      const body = operation.requestBody?.content['application/json']?.schema
      if (body) expectShape(call.body, body)
      expect(Object.keys(body?.properties ?? {}), path).toEqual(Object.keys(call.body ?? {}))

      const answer = await send(path, method, call)
      expect(answer.statusCode, `${path}: ${answer.body}`).toBe(200)
      const [mediaType = '', shape] =
        Object.entries(operation.responses[200]?.content ?? {})[0] ?? []
      expect(answer.headers['content-type'], path).toContain(mediaType)
      if (path === '/api/openapi.json') continue
      if (mediaType === 'application/json') expectShape(answer.json(), shape?.schema ?? {})
    }
  })

  it('gives the shape of lists that are not empty', async () => {
    for (const [path, list] of [
      ['/api/events', 'events'],
      ['/api/jobs', 'jobs'],
      ['/api/quarantine', 'quarantine'],
    ] as const) {
      const rows = (await send(path, 'get', { query: { limit: '1' } })).json()
      expect(rows[list]).toHaveLength(1)
      const content = document.paths[path]?.['get']?.responses[200]?.content
      expectShape(rows, content?.['application/json']?.schema ?? {})
    }
  })

  it('gives an example of each body, which is also what a wrong body is answered with', async () => {
    for (const { path, method, operation } of operations()) {
      if (method !== 'post') continue
      const schema = operation.requestBody?.content['application/json']?.schema
      const example = schema ? schema['example'] : {}
      const call = CALLS[`${method} ${path}`]
      const answer = await admin.app.inject({
        method: 'POST',
        url: path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => call?.path?.[name] ?? ''),
        payload: ['x'],
      })
      expect(answer.json().message, path).toBe(
        `The body must be a JSON object, such as ${JSON.stringify(example)}.`,
      )
      if (schema) expectShape(example, schema)
    }
  })

  it('says where lines tell of the progress, the last of which is the answer', async () => {
    const told: string[] = []
    for (const { path, method, operation } of operations()) {
      const content = operation.responses[200]?.content ?? {}
      if (!content['application/x-ndjson']) continue
      told.push(path)
      const answer = await admin.app.inject({
        method: method as 'POST',
        url: path,
        headers: { accept: 'application/x-ndjson' },
        payload: { ...CALLS[`${method} ${path}`]?.body },
      })
      expect(answer.headers['content-type']).toBe('application/x-ndjson')
      const last = answer.body.trimEnd().split('\n').at(-1) ?? ''
      expectShape(JSON.parse(last), content['application/json']?.schema ?? {})
    }
    const jobs = ['/api/jobs/replay', '/api/jobs/retry', '/api/jobs/discard']
    expect(told).toEqual([...jobs, '/api/replay', '/api/erase', '/api/prune'])
  })

  it('names the errors: a wrong parameter, an unknown id, a store that is away', async () => {
    for (const { path, method, operation } of operations()) {
      const call = CALLS[`${method} ${path}`] ?? {}
      const expectError = async (status: number, wrong: Call) => {
        const answer = await send(path, method, wrong)
        expect(answer.statusCode, `${path}: ${answer.body}`).toBe(status)
        const content = operation.responses[status]?.content['application/json']
        expectShape(answer.json(), content?.schema ?? {})
      }
      await expectError(400, { ...call, query: { nonsense: '1' } })
      const strange = { id: '999', name: 'nobody' }
      if (call.path) await expectError(404, { path: strange, ...(call.body && { body: {} }) })
      if (path === '/api/replay') await expectError(404, { body: { event: '999' } })
      if (/jobs\/(replay|retry)$/.test(path)) await expectError(404, { body: { event: '999' } })
      if (path === '/api/jobs/discard') {
        await expectError(404, { body: { event: '999', reason: 'given up' } })
      }
      if (STORELESS.includes(path)) continue
      admin.archive.problem = new Error('away')
      await expectError(500, call)
      admin.archive.problem = undefined
    }
  })

  it('says that the password is asked for', async () => {
    const guarded = buildAdmin({ password: 'secret' })
    const asked = await guarded.app.inject('/api/openapi.json')
    expect(asked.statusCode).toBe(401)
    expectShape(asked.json(), document.components.schemas.Error)
    const headers = { authorization: basic('admin', 'secret') }
    const answered = (await guarded.app.inject({ url: '/api/openapi.json', headers })).json()
    expect(answered).toMatchObject({
      security: [{ password: [] }],
      components: { securitySchemes: { password: { type: 'http', scheme: 'basic' } } },
    })
  })
})

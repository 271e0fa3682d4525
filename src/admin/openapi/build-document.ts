import { z } from 'zod'
import { LINES } from '../answer-long-work.ts'
import type { CollectedRoute } from '../collect-routes.ts'
import { type Answer, ERROR_JSON, type RouteDescription } from './route-description.ts'

const ERRORS_OF_ALL: Readonly<Record<number, string>> = {
  400: 'A parameter is wrong.',
  401: 'The password is missing or wrong.',
  403: 'Without ADMIN_PASSWORD, only this machine is served.',
  429: 'Too many wrong passwords; wait.',
  500: 'The receiver failed; its log says why.',
  503: 'The store cannot be reached, or did not answer in time; ask again.',
}
const ERRORS_OF_WRITES: Readonly<Record<number, string>> = {
  403: 'Another site asked for it, or it came from another machine and there is no password.',
  413: 'The body is too large.',
  415: 'The body is not sent as application/json.',
}

const LINES_CONTENT = {
  [LINES]: {
    schema: {
      type: 'string',
      description:
        'For who accepts it: JSON objects, one a line. {"progress":{"done":1,"total":2,"unit":"events"}} ' +
        'now and then, total where it is known; the last line is the answer, or the error.',
    },
  },
}

/** The OpenAPI document, made of what the routes themselves read and answer. */
export function buildDocument(routes: readonly CollectedRoute[], version: string) {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const { method, url, description } of routes) {
    if (!description || method === 'HEAD') continue
    const path = url.replaceAll(/:(\w+)/g, '{$1}')
    const operation = describeOperation(method, url, description)
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'mailtrap-receiver admin API',
      version,
      description: 'Lists run newest first; the cursor of a page asks for the next one.',
    },
    security: [{ password: [] }],
    paths,
    components: {
      schemas: { Error: toSchema(ERROR_JSON, 'output') },
      securitySchemes: {
        password: { type: 'http', scheme: 'basic', description: 'User admin, ADMIN_PASSWORD.' },
      },
    },
  }
}

function describeOperation(method: string, url: string, description: RouteDescription) {
  const { summary, query, body, answer, errors } = description
  const known = { ...ERRORS_OF_ALL, ...(method === 'GET' ? {} : ERRORS_OF_WRITES), ...errors }
  return {
    summary,
    operationId: `${method.toLowerCase()}${url.replaceAll(/[^a-z]+(\w)/gi, (_all, next: string) => next.toUpperCase())}`,
    parameters: [...pathParameters(url), ...(query ? queryParameters(query) : [])],
    ...(body && { requestBody: { required: true, content: jsonContent(toSchema(body, 'input')) } }),
    responses: {
      200: { description: summary, content: contentOf(answer) },
      ...Object.fromEntries(
        Object.entries(known).map(([status, text]) => [status, describeError(text)]),
      ),
    },
  }
}

function pathParameters(url: string) {
  return [...url.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters(query: z.ZodObject) {
  return Object.entries(query.shape).map(([name, field]) => {
    const { description, ...schema } = toSchema(field as z.ZodType, 'input')
    return { name, in: 'query', ...(description !== undefined && { description }), schema }
  })
}

function contentOf(answer: Answer) {
  if ('json' in answer) {
    return { ...jsonContent(toSchema(answer.json, 'output')), ...(answer.isLong && LINES_CONTENT) }
  }
  return { [answer.mediaType]: { schema: { type: 'string' } } }
}

function describeError(description: string) {
  return { description, content: jsonContent({ $ref: '#/components/schemas/Error' }) }
}

const jsonContent = (schema: unknown) => ({ 'application/json': { schema } })

/** Without the marks that a schema standing alone has; answers may get more fields one day. */
function toSchema(type: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const {
    $schema,
    '~standard': _,
    ...schema
  } = z.toJSONSchema(type, {
    io,
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    },
  }) as Record<string, unknown>
  return schema
}

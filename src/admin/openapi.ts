import type { IncomingMessage, ServerResponse } from 'node:http'
import swagger, { type SwaggerTransform } from '@fastify/swagger'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import { createJsonSchemaTransform, type ZodTypeProvider } from 'fastify-type-provider-zod'
import * as z from 'zod'
import { LINES } from './answer-long-work.ts'
import { NO_PARAMETERS, readParameters } from './parameters.ts'

/** Its routes state a schema, by which they are checked, typed and described. */
export type AdminApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

declare module 'fastify' {
  interface FastifySchema {
    /** What its own errors mean, by status; those that every call may answer are added. */
    readonly errors?: Readonly<Record<number, string>>
  }
}

const ERROR_JSON = z.object({
  error: z.string().describe('A word for programs.'),
  message: z.string().describe('What happened and what to do, for people.'),
  problems: z.array(z.string()).optional().describe('With 400: each thing that is wrong.'),
})

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

const PROGRESS_LINES = z
  .string()
  .describe(
    'For who accepts it: JSON objects, one a line. {"progress":{"done":1,"total":2,"unit":"events"}} ' +
      'now and then, total where it is known; the last line is the answer, or the error.',
  )

/** 200 of long work: its answer, or lines that tell of its progress. */
export function answersInTheEnd(shape: z.ZodType) {
  const content = { 'application/json': { schema: shape }, [LINES]: { schema: PROGRESS_LINES } }
  return { 200: { content } }
}

/** 200 of a file, or of another text. */
export function answersFile(mediaType: string) {
  const schema = z.unknown().meta({ type: 'string' })
  return { 200: { content: { [mediaType]: { schema } } } }
}

/** Checks by the routes' schemas, and describes them at `/api/openapi.json`. */
export function addSchemas(app: FastifyInstance, version: string): void {
  app.setValidatorCompiler<z.ZodObject>(
    ({ schema }) =>
      (input) =>
        check(schema, input),
  )
  // A figure that its schema does not foresee is shown all the same, and no answer becomes an error.
  app.setSerializerCompiler(() => JSON.stringify)
  // Nothing is ignored: a route that says nothing of parameters takes none.
  app.addHook('onRoute', (route) => {
    if (!route.schema?.summary) return
    route.schema.querystring ??= NO_PARAMETERS
    if (route.method === 'POST') route.schema.body ??= NO_PARAMETERS
  })
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'mailtrap-receiver admin API',
        version,
        description: 'Lists run newest first; the cursor of a page asks for the next one.',
      },
      security: [{ password: [] }],
      components: {
        schemas: { Error: z.toJSONSchema(ERROR_JSON) as object },
        securitySchemes: {
          password: { type: 'http', scheme: 'basic', description: 'User admin, ADMIN_PASSWORD.' },
        },
      },
    },
    transform: describeRoute,
  })
  void app.register((api: AdminApp, _options, done) => {
    const response = { 200: z.looseObject({ openapi: z.string() }) }
    const schema = { summary: 'This document', response }
    api.get('/api/openapi.json', { schema }, async () => ({ ...api.swagger(), openapi: '3.1.0' }))
    done()
  })
}

function check(schema: z.ZodObject, input: unknown) {
  try {
    // No body at all says the same as one without fields.
    return { value: readParameters(schema, input ?? {}) }
  } catch (error) {
    return { error: error as Error }
  }
}

/** Answers may get more fields one day. */
const toJsonSchema = createJsonSchemaTransform({
  zodToJsonConfig: {
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    },
  },
})

const describeRoute: SwaggerTransform = ({ schema, url, route, ...rest }) => {
  if (!schema?.summary) return { schema: { hide: true }, url }
  const { errors, body, ...shown } = schema
  const method = String(route.method).toLowerCase()
  const known = { ...ERRORS_OF_ALL, ...(method === 'get' ? {} : ERRORS_OF_WRITES), ...errors }
  const given = { ...shown, ...(body !== NO_PARAMETERS && { body }) }
  const described = toJsonSchema({ ...rest, schema: given, url, route }).schema
  const response = {
    ...(described.response as object),
    ...Object.fromEntries(
      Object.entries(known).map(([status, text]) => [status, describeError(text)]),
    ),
  }
  const operationId = `${method}${url.replaceAll(/[^a-z]+(\w)/gi, (_all, next: string) => next.toUpperCase())}`
  return { schema: { ...described, response, operationId }, url }
}

function describeError(description: string) {
  const schema = { $ref: '#/components/schemas/Error' }
  return { description, content: { 'application/json': { schema } } }
}

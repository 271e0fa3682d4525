import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { CollectedRoute } from '../collect-routes.ts'
import { NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { buildDocument } from './build-document.ts'
import type { RouteDescription } from './route-description.ts'

const GET_DOCUMENT = {
  summary: 'This document',
  query: NO_PARAMETERS,
  answer: { json: z.looseObject({ openapi: z.string() }) },
} satisfies RouteDescription

/** Answers the document of all routes that describe themselves, this one included. */
export function addOpenapiRoute(
  app: FastifyInstance,
  { routes, version }: { routes: readonly CollectedRoute[]; version: string },
): void {
  let document: ReturnType<typeof buildDocument> | undefined

  app.get('/api/openapi.json', { config: { description: GET_DOCUMENT } }, async (request) => {
    readParameters(GET_DOCUMENT.query, request.query)
    document ??= buildDocument(routes, version)
    return document
  })
}

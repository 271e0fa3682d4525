import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { NO_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { buildDocument, type DescribedRoute } from './build-document.ts'
import type { RouteDescription } from './route-description.ts'

const GET_DOCUMENT = {
  summary: 'This document',
  query: NO_PARAMETERS,
  answer: { json: z.looseObject({ openapi: z.string() }) },
} satisfies RouteDescription

/** Describes every route that is added from now on, itself included. */
export function addOpenapiRoute(app: FastifyInstance, version: string): void {
  const routes: DescribedRoute[] = []
  let document: ReturnType<typeof buildDocument> | undefined

  app.addHook('onRoute', ({ method, url, config }) => {
    const description = config?.description
    if (!description || method === 'HEAD') return
    for (const one of [method].flat()) routes.push({ method: one, url, description })
  })
  app.get('/api/openapi.json', { config: { description: GET_DOCUMENT } }, async (request) => {
    readParameters(GET_DOCUMENT.query, request.query)
    document ??= buildDocument(routes, version)
    return document
  })
}

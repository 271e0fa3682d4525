import type { FastifyInstance } from 'fastify'
import type { RouteDescription } from './openapi/route-description.ts'

export interface CollectedRoute {
  readonly method: string
  /** Its parameters begin with a colon. */
  readonly url: string
  readonly description: RouteDescription | undefined
}

/** A list of the routes that are added from now on; it grows with them. */
export function collectRoutes(app: FastifyInstance): readonly CollectedRoute[] {
  const routes: CollectedRoute[] = []
  app.addHook('onRoute', ({ url, method, config }) => {
    for (const one of [method].flat()) {
      routes.push({ method: one, url, description: config?.description })
    }
  })
  return routes
}

/** By which methods an address can be asked. */
export function methodsOf(routes: readonly CollectedRoute[], path: string): string[] {
  const given = path.split('/')
  return routes.filter(({ url }) => isMatch(url.split('/'), given)).map(({ method }) => method)
}

function isMatch(parts: readonly string[], given: readonly string[]): boolean {
  return (
    parts.length === given.length &&
    parts.every((part, at) => (part.startsWith(':') ? given[at] !== '' : given[at] === part))
  )
}

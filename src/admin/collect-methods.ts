import type { FastifyInstance } from 'fastify'

/** Answers by which methods an address can be asked, of the routes that are added from now on. */
export function collectMethods(app: FastifyInstance): (path: string) => string[] {
  const routes: { readonly parts: readonly string[]; readonly method: string }[] = []

  app.addHook('onRoute', ({ url, method }) => {
    for (const one of [method].flat()) routes.push({ parts: url.split('/'), method: one })
  })
  return (path) => {
    const given = path.split('/')
    return routes.filter(({ parts }) => isMatch(parts, given)).map(({ method }) => method)
  }
}

function isMatch(parts: readonly string[], given: readonly string[]): boolean {
  return (
    parts.length === given.length &&
    parts.every((part, at) => (part.startsWith(':') ? given[at] !== '' : given[at] === part))
  )
}

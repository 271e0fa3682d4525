import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'

const ASSETS = [
  { path: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/page.css', file: 'page.css', type: 'text/css; charset=utf-8' },
  { path: '/page.js', file: 'page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/icon.svg', file: 'icon.svg', type: 'image/svg+xml' },
] as const

/** The status page. Read once, at the start: a missing file stops the start, not the first visit. */
export function addPageRoutes(app: FastifyInstance): void {
  for (const { path, file, type } of ASSETS) {
    const content = readFileSync(new URL(`../page/${file}`, import.meta.url))
    app.get(path, (_request, reply) => reply.type(type).send(content))
  }
}

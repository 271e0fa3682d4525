import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { OPEN_ROUTE } from '../protect/protect-routes.ts'

const FOLDER = new URL('../page/', import.meta.url)

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/**
 * The dashboard's own files, which hold nothing of what is kept here; so its login form can be
 * shown. Read once, at the start: a missing file stops the start, not the first visit.
 */
export function addPageRoutes(app: FastifyInstance): void {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
    (file) => TYPES[extname(file)] !== undefined,
  )
  for (const file of files) {
    const content = readFileSync(new URL(file, FOLDER))
    const path = file === 'index.html' ? '/' : `/${file.replaceAll('\\', '/')}`
    const type = TYPES[extname(file)] ?? ''
    app.get(path, { config: OPEN_ROUTE }, (_request, reply) => reply.type(type).send(content))
  }
}

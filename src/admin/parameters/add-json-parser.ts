import type { FastifyInstance, FastifyRequest } from 'fastify'
import { InvalidParameters } from './invalid-parameters.ts'

/** JSON is the only body this listener reads. */
export function addJsonParser(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, parseJson)
}

async function parseJson(_request: FastifyRequest, body: string | Buffer): Promise<unknown> {
  const text = String(body)
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    throw new InvalidParameters(['The body is not JSON.'])
  }
}

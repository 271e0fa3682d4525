import { existsSync, readFileSync } from 'node:fs'
import Fastify, { type FastifyInstance } from 'fastify'
import { writeSecretFile } from '../config/secret-files.ts'
import { addControlRoutes } from './control/control-routes.ts'
import { addMailingApiRoutes } from './management/mailingapi-api.ts'
import { addMailtrapRoutes, type MailtrapApiOptions } from './management/mailtrap-routes.ts'
import { Refusal } from './management/refusal.ts'
import type { SimulatorState } from './sending/senders.ts'
import type { Simulator } from './simulator.ts'

export interface SimulatorServerOptions {
  readonly mailtrap: MailtrapApiOptions
  readonly mailingapi: { readonly token: string | undefined }
}

/** Both management APIs, the control API and the status page, to be had on one listener. */
export function createSimulatorServer(
  simulator: Simulator,
  { mailtrap, mailingapi }: SimulatorServerOptions,
): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true })
  // The SDK sends no body with DELETE, but names its type.
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, text === '' ? undefined : JSON.parse(String(text)))
    } catch {
      done(Object.assign(new Error('The body is no JSON.'), { statusCode: 400 }))
    }
  })
  addMailtrapRoutes(app, simulator, mailtrap)
  addMailingApiRoutes(app, simulator, mailingapi)
  addControlRoutes(app, simulator)
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'Not Found' }))
  app.setErrorHandler<Error & { statusCode?: number }>((error, _request, reply) =>
    error instanceof Refusal
      ? reply.code(error.status).send(error.body)
      : reply.code(error.statusCode ?? 500).send({ error: error.message }),
  )
  return app
}

const SAVE_EVERY_MS = 1_000

/** The state that a simulator left behind; undefined: there is none yet. Throws when it is none. */
export function loadState(path: string): SimulatorState | undefined {
  if (!existsSync(path)) return undefined
  const state: SimulatorState = JSON.parse(readFileSync(path, 'utf8'))
  if (state.version !== 2) throw new TypeError('It was written by another version.')
  return state
}

/**
 * Keeps the state in a file, from now on once a second, and at the end; it holds secrets. Throws what the
 * system says where it cannot be kept; between the two `onFailure` hears of it, once, and it is tried again.
 */
export function keepState(
  simulator: Pick<Simulator, 'state'>,
  path: string,
  onFailure: (error: unknown) => void,
): () => void {
  let kept = ''
  let isFailing = false
  const save = () => {
    const text = JSON.stringify(simulator.state())
    if (text !== kept) writeSecretFile(path, text)
    kept = text
  }
  const saveAgain = () => {
    try {
      save()
      isFailing = false
    } catch (error) {
      if (!isFailing) onFailure(error)
      isFailing = true
    }
  }
  save()
  const timer = setInterval(saveAgain, SAVE_EVERY_MS)
  return () => {
    clearInterval(timer)
    save()
  }
}

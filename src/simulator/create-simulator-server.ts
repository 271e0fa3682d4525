import Fastify, { type FastifyInstance } from 'fastify'
import { addControlRoutes } from './control/control-routes.ts'
import { addMailingApiRoutes } from './management/mailingapi-api.ts'
import { addMailtrapRoutes, type MailtrapApiOptions } from './management/mailtrap-routes.ts'
import type { Simulator } from './simulator.ts'

export interface SimulatorServerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly mailtrap: MailtrapApiOptions
  readonly mailingapi: { readonly token: string | undefined }
}

export interface SimulatorServer {
  readonly app: FastifyInstance
  /** Answers the address. Rejects when it cannot be had. */
  listen(): Promise<string>
  close(): Promise<void>
}

/** Both management APIs, the control API and the status page, on one listener. */
export function createSimulatorServer(
  simulator: Simulator,
  { host, port, mailtrap, mailingapi }: SimulatorServerOptions,
): SimulatorServer {
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
    reply.code(error.statusCode ?? 500).send({ error: error.message }),
  )
  return {
    app,
    listen: () => app.listen({ host, port }),
    close: () => app.close(),
  }
}

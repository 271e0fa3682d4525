import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Request, type Response } from 'express'
import { onTestFinished } from '../on-test-finished.ts'

/** Ids of the events in a request that is authentic; throws when it is not. */
export type ReadIds = (body: Buffer, headers: Request['headers']) => readonly string[]

type Fault = (request: Request, response: Response) => void

/** What a team's endpoint does on a bad day. */
const FAULTS: readonly Fault[] = [
  (_, response) => response.status(500).send('no'),
  (_, response) => response.status(429).set('retry-after', '1').end(),
  // It hangs: the answer never comes.
  () => {},
  // It closes its half of the connection, without an answer.
  (request) => request.socket.end(),
  // It breaks the answer off.
  (request, response) => {
    response.writeHead(503, { 'content-length': 100 }).write('x')
    setTimeout(() => request.socket.destroy(), 5)
  },
]

export interface FaultyEndpoint {
  readonly url: string
  /** How often each event was accepted: the answer was 200, and was sent. */
  readonly accepted: ReadonlyMap<string, number>
  /** Events of which an answer may have been lost on its way. */
  readonly unsure: ReadonlySet<string>
  readonly faults: number
  readonly rejected: readonly string[]
  goDown(): Promise<void>
  comeUp(): Promise<void>
}

/** An Express endpoint that verifies, and of which every so-many-th request meets a fault. */
export async function startFaultyEndpoint(
  read: ReadIds,
  faultEvery: number,
): Promise<FaultyEndpoint> {
  const accepted = new Map<string, number>()
  const unsure = new Set<string>()
  const recent: { readonly at: number; readonly ids: readonly string[] }[] = []
  const rejected: string[] = []
  let requests = 0
  let faults = 0
  const app = express()
  app.post(
    '/hooks',
    express.raw({ type: 'application/json', limit: '10mb' }),
    (request, response) => {
      let ids: readonly string[]
      try {
        ids = read(request.body, request.headers)
      } catch (error) {
        rejected.push(String(error))
        return void response.status(401).end()
      }
      const isFaulty = requests++ % faultEvery === 0
      const fault = FAULTS[faults % FAULTS.length]
      if (isFaulty && fault) {
        faults++
        return fault(request, response)
      }
      for (const id of ids) unsure.add(id)
      response.once('finish', () => {
        recent.push({ at: performance.now(), ids })
        for (const id of ids) {
          unsure.delete(id)
          accepted.set(id, (accepted.get(id) ?? 0) + 1)
        }
      })
      // Now and then it is slow.
      setTimeout(() => response.end(), isFaulty ? 200 : requests % 11 === 0 ? 50 : 0)
    },
  )

  let server: Server
  let port = 0
  const comeUp = () =>
    new Promise<void>((resolve) => {
      server = createServer(app).listen(port, '127.0.0.1', () => {
        port = (server.address() as AddressInfo).port
        resolve()
      })
    })
  const goDown = () =>
    new Promise<void>((resolve) => {
      const from = performance.now() - 200
      // What was sent last may not have arrived.
      for (const { at, ids } of recent) if (at >= from) for (const id of ids) unsure.add(id)
      server.close(() => resolve())
      server.closeAllConnections()
    })
  await comeUp()
  onTestFinished(() => goDown())
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    accepted,
    unsure,
    rejected,
    get faults() {
      return faults
    },
    goDown,
    comeUp,
  }
}

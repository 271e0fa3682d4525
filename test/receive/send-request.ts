import { type Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { signed } from './start-server.ts'

export interface SentRequest {
  method?: string
  path?: string
  headers?: Record<string, string | string[]>
  body?: string | Uint8Array
  /** Which keeps connections. Default: a connection of the request's own. */
  agent?: Agent | false
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** One request. */
export function sendRequest(port: number, sent: SentRequest = {}): Promise<Answer> {
  const { method = 'POST', path = '/webhooks/mailtrap', headers = {}, body, agent = false } = sent
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
        })
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

/** A request with a right signature, unless `headers` says otherwise. */
export function sendSigned(
  port: number,
  body: string | Uint8Array,
  sent: SentRequest = {},
): Promise<Answer> {
  return sendRequest(port, { ...sent, body, headers: { ...signed(body), ...sent.headers } })
}

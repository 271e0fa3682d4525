import { createHmac } from 'node:crypto'

/**
 * The headers of Standard Webhooks for a body; without a secret it is not signed. The secret is
 * base64, `whsec_` before it or not; `seconds` are since 1970.
 * https://www.standardwebhooks.com
 */
export function standardHeaders(
  { id, seconds, body }: { readonly id: string; readonly seconds: number; readonly body: string },
  secret: string | undefined,
): Record<string, string> {
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(seconds) }
  if (!secret) return headers
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')
  return { ...headers, 'webhook-signature': `v1,${signature}` }
}

import { createPoster } from '../../simulator/send-request.ts'
import type { CommandContext } from '../command.ts'
import type { DemoRequest } from './demo-requests.ts'

export interface SentRequest {
  readonly request: DemoRequest
  /** What came back: a status, or why there was none. */
  readonly status: number | string
}

const TIMEOUT_MS = 30_000

/** Sends the recorded requests over HTTP, one after the other. */
export async function sendDemo(
  url: URL,
  requests: readonly DemoRequest[],
  { elapsedMs, stopped }: CommandContext,
): Promise<SentRequest[]> {
  const poster = createPoster({
    connections: 1,
    timeoutMs: TIMEOUT_MS,
    elapsedMs,
    stopped,
  })
  const sent: SentRequest[] = []
  for (const request of requests) {
    const { status } = await poster.post(url, request.body, {
      'content-type': request.contentType,
      'mailtrap-signature': request.signature,
    })
    sent.push({ request, status })
  }
  poster.close()
  return sent
}

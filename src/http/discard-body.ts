import type { IncomingMessage } from 'node:http'
import type { HttpLimits } from './limits.ts'

/**
 * Closing a socket while bytes wait unread in it resets the connection, and the client would see
 * the reset in place of our answer. So a little of the body is still read, and thrown away.
 */
export function afterDiscardingBody(
  request: IncomingMessage,
  limits: HttpLimits,
  end: () => void,
): void {
  if (request.readableEnded || request.destroyed || !announcesBody(request)) {
    end()
    return
  }
  let leftBytes = limits.discardBytes
  const timer = setTimeout(finish, limits.discardTimeoutMs)
  function finish() {
    clearTimeout(timer)
    request.off('data', discard).off('end', finish).off('close', finish)
    end()
  }
  function discard(chunk: Buffer) {
    leftBytes -= chunk.length
    if (leftBytes < 0) finish()
  }
  // Whoever was gathering the body must not go on.
  request.removeAllListeners('data')
  request.on('data', discard).on('end', finish).on('close', finish).resume()
}

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

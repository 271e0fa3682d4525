import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that systems give out on their own (Linux: from 32,768 on), above those that
 * `fetch` refuses: who asks for any port, as all other tests do, is never given one of these, so that
 * none is taken between this look and its use.
 */
const FIRST_PORT = 12_000
const END_PORT = 32_000

/** A port of 127.0.0.1 on which nobody listens at the moment. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, END_PORT)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

import { connect, type Socket } from 'node:net'
import { onTestFinished } from '../on-test-finished.ts'

/** A connection that says exactly what it is told to, and gathers what comes back. */
export interface RawConnection {
  readonly socket: Socket
  /** All that came so far. */
  text(): string
  /** Settles when the other side has closed, also by a reset. */
  readonly closed: Promise<void>
}

export function openRaw(port: number): RawConnection {
  const socket = connect({ port, host: '127.0.0.1' })
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {})
  onTestFinished(() => {
    socket.destroy()
  })
  return {
    socket,
    text: () => Buffer.concat(chunks).toString('latin1'),
    closed: new Promise((resolve) => socket.once('close', () => resolve())),
  }
}

/** Sends bytes, waits until the server closes, and gives what it said. */
export async function sendRaw(port: number, bytes: string | Uint8Array): Promise<string> {
  const connection = openRaw(port)
  connection.socket.write(bytes)
  await connection.closed
  return connection.text()
}

/** Status codes of the answers in a stream of them, 100 too. */
export function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
}

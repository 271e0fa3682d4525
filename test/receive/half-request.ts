import { once } from 'node:events'
import { eventually } from './eventually.ts'
import { openRaw, type RawConnection } from './raw-socket.ts'
import { signed } from './start-server.ts'

/** A batch that is enough for most tests. */
export const BODY = '{"event":"delivery"}'

/** Headers of a request that announces `bytes`; a body may follow. */
export function headOf(bytes: number, headers: Record<string, string> = signed(BODY)): string {
  const lines = Object.entries({ host: 'x', 'content-length': String(bytes), ...headers })
  const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `POST /webhooks/mailtrap HTTP/1.1\r\n${text}\r\n`
}

/** Headers of a request whose chunks may follow. */
export function chunkedHead(): string {
  return headOf(0).replace('content-length: 0', 'transfer-encoding: chunked')
}

export async function openConnected(port: number): Promise<RawConnection> {
  const connection = openRaw(port)
  await once(connection.socket, 'connect')
  return connection
}

/** A connection whose request is in progress: its headers are in order, its body is awaited. */
export async function openAdmitted(port: number, bytes: number): Promise<RawConnection> {
  const connection = await openConnected(port)
  connection.socket.write(headOf(bytes, { ...signed(BODY), expect: '100-continue' }))
  await eventually(connection.text).toContain('100 Continue')
  return connection
}

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const CLOSED = 'The server closed a connection.'

/**
 * One connection of the load: sends a ready-made request, waits for the answer, sends the next.
 * Written by hand, because the load shares the processors with the server that is measured.
 */
export class KeepAliveConnection {
  readonly #port: number
  #socket: Socket | undefined
  #received = ''
  #settle: { resolve(isLast: boolean): void; reject(error: Error): void } | undefined

  constructor(port: number) {
    this.#port = port
  }

  async open(): Promise<void> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', ({ message }) => this.#fail(message))
    socket.on('close', () => this.#fail(CLOSED))
    await once(socket, 'connect')
    this.#socket = socket
  }

  /** Resolves once the whole answer has come. Rejects unless it is a 200. */
  async post(request: Buffer): Promise<void> {
    if (this.#socket?.destroyed !== false) throw new Error(CLOSED)
    const socket = this.#socket
    const isLast = await new Promise<boolean>((resolve, reject) => {
      this.#settle = { resolve, reject }
      socket.write(request)
    })
    if (!isLast) return
    this.close()
    await this.open()
  }

  close(): void {
    this.#settle = undefined
    this.#socket?.destroy()
  }

  #read(chunk: Buffer): void {
    this.#received += chunk.toString('latin1')
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#received.slice(0, headEnd)
    const status = head.slice(9, 12)
    if (status !== '200') return this.#fail(`The server answered ${status} instead of 200.`)
    const length = /^content-length: *(\d+)/im.exec(head)?.[1]
    if (length === undefined) return this.#fail('The answer has no Content-Length.')
    if (this.#received.length < headEnd + 4 + Number(length)) return
    this.#received = ''
    this.#settle?.resolve(/^connection: *close/im.test(head))
  }

  #fail(reason: string): void {
    this.#settle?.reject(new Error(reason))
  }
}

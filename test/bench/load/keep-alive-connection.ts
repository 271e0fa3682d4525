import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const CLOSED = 'The server closed a connection.'

interface Answer {
  readonly status: number
  readonly isLast: boolean
}

/**
 * One connection of the load: sends a ready-made request, waits for the answer, sends the next.
 * Written by hand, because the load shares the processors with the server that is measured.
 */
export class KeepAliveConnection {
  readonly #port: number
  #socket: Socket | undefined
  #received = ''
  #settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined

  constructor(port: number) {
    this.#port = port
  }

  async open(): Promise<void> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', (error) => this.#settle?.reject(error))
    socket.on('close', () => this.#settle?.reject(new Error(CLOSED)))
    await once(socket, 'connect')
    this.#socket = socket
  }

  /** Resolves once the whole answer has come. Rejects unless it is 200. */
  async post(request: Buffer): Promise<void> {
    if (this.#socket?.destroyed !== false) throw new Error(CLOSED)
    const socket = this.#socket
    const { status, isLast } = await new Promise<Answer>((resolve, reject) => {
      this.#settle = { resolve, reject }
      socket.write(request)
    })
    if (status !== 200) throw new Error(`The server answered ${status} instead of 200.`)
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
    const answer = readAnswer(this.#received)
    if (answer === undefined) return
    this.#received = ''
    const settle = this.#settle
    this.#settle = undefined
    settle?.resolve(answer)
  }
}

/** Undefined as long as some of it is missing. */
function readAnswer(text: string): Answer | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const head = text.slice(0, headEnd)
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (length === undefined) throw new Error('The answer has no Content-Length.')
  if (text.length < headEnd + 4 + Number(length)) return undefined
  return { status: Number(head.slice(9, 12)), isLast: /^connection: *close/im.test(head) }
}

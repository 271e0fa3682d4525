import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from '../on-test-finished.ts'

export interface SeenSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string
  readonly name: string
  readonly durationMs: number
  readonly attributes: Readonly<Record<string, string | number>>
  /** Of a failure. */
  readonly message: string | undefined
  /** Of the service that sent it. */
  readonly service: Readonly<Record<string, string | number>>
}

/** A collector of OpenTelemetry's, of which no more is there than what is needed to look at spans. */
export async function startCollector() {
  const spans: SeenSpan[] = []
  const requests: { readonly path: string | undefined; readonly headers: IncomingHttpHeaders }[] =
    []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    requests.push({ path: request.url, headers: request.headers })
    spans.push(...readSpans(Buffer.concat(chunks)))
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, spans, requests }
}

/** An `ExportTraceServiceRequest`; the numbers are those of its published definition. */
function readSpans(bytes: Buffer): SeenSpan[] {
  return readFields(bytes)
    .all(1)
    .flatMap((resourceSpans) => {
      const { all, one } = readFields(resourceSpans)
      const service = readAttributes(readFields(one(1)).all(1))
      return all(2)
        .flatMap((scopeSpans) => readFields(scopeSpans).all(2))
        .map((span) => readSpan(span, service))
    })
}

function readSpan(bytes: Buffer, service: SeenSpan['service']): SeenSpan {
  const { one, all } = readFields(bytes)
  const status = readFields(one(15))
  return {
    traceId: one(1).toString('hex'),
    spanId: one(2).toString('hex'),
    parentId: one(4).toString('hex'),
    name: one(5).toString(),
    durationMs: Number(one(8).readBigUInt64LE() - one(7).readBigUInt64LE()) / 1e6,
    attributes: readAttributes(all(9)),
    message: status.has(2) ? status.one(2).toString() : undefined,
    service,
  }
}

function readAttributes(pairs: readonly Buffer[]): Record<string, string | number> {
  const entries = pairs.map((pair) => {
    const { one } = readFields(pair)
    const value = readFields(one(2))
    return [one(1).toString(), value.has(3) ? value.number(3) : value.one(1).toString()]
  })
  return Object.fromEntries(entries)
}

/** The fields of a message in Protocol Buffers' wire format. */
function readFields(bytes: Buffer) {
  const fields = new Map<number, Buffer[]>()
  const numbers = new Map<number, number>()
  let at = 0
  const readVarint = () => {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++] ?? 0
      value += (byte % 128) * shift
      if (byte < 128) return value
    }
  }
  const take = (length: number) => {
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = readVarint()
    const [number, kind] = [tag >> 3, tag & 7]
    if (kind === 0) numbers.set(number, readVarint())
    else {
      const value = take(kind === 2 ? readVarint() : kind === 1 ? 8 : 4)
      fields.set(number, [...(fields.get(number) ?? []), value])
    }
  }
  return {
    has: (number: number) => fields.has(number) || numbers.has(number),
    one: (number: number) => fields.get(number)?.[0] ?? Buffer.alloc(0),
    number: (number: number) => numbers.get(number) ?? 0,
    all: (number: number) => fields.get(number) ?? [],
  }
}

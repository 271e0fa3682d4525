import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import ndjson from 'ndjson'
import type { WorkProgress } from '../../admin/answer-long-work.ts'

export interface Answered {
  readonly status: number
  readonly ok: boolean
  readonly body: Buffer
}

export async function readWhole(answer: Response): Promise<Answered> {
  const { status, ok } = answer
  return { status, ok, body: Buffer.from(await answer.arrayBuffer()) }
}

/** A line of an answer that tells of progress; the last one is the answer itself. */
interface Line {
  readonly progress?: WorkProgress
}

export async function readLastLine(
  answer: Response,
  onLine: (line: Line) => void,
): Promise<Answered> {
  const { status, ok } = answer
  const body = answer.body ?? new Blob([]).stream()
  const lines = Readable.fromWeb(body as ReadableStream).pipe(ndjson.parse({ strict: false }))
  let last: Line | undefined
  for await (const line of lines as AsyncIterable<Line>) {
    onLine(line)
    last = line
  }
  return { status, ok, body: Buffer.from(last && !last.progress ? JSON.stringify(last) : '') }
}

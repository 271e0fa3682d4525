import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import ndjson from 'ndjson'
import { CommandFailure } from '../command-failure.ts'

/** A body to be signed and sent. */
export interface OutgoingBatch {
  readonly body: Buffer
  readonly contentType: string
  /** Undefined when nobody counted: a file is sent without a look into it. */
  readonly events: number | undefined
}

/** `json` is the envelope `{"events":[…]}`, `object` one event alone. */
export const BODY_FORMATS = ['json', 'jsonl', 'array', 'object'] as const
export type BodyFormat = (typeof BODY_FORMATS)[number]

const JSON_TYPE = 'application/json'
const LINES_TYPE = 'application/jsonl'

export interface PackOptions {
  readonly batchSize: number
  readonly format: BodyFormat
}

/** Packs events into batches, one batch in memory at a time. */
export async function* packBatches(
  events: AsyncIterable<unknown> | Iterable<unknown>,
  { batchSize, format }: PackOptions,
): AsyncGenerator<OutgoingBatch> {
  let texts: string[] = []
  for await (const event of events) {
    texts.push(JSON.stringify(event))
    if (texts.length < batchSize) continue
    yield packBatch(texts, format)
    texts = []
  }
  if (texts.length > 0) yield packBatch(texts, format)
}

function packBatch(events: readonly string[], format: BodyFormat): OutgoingBatch {
  const bodies: Readonly<Record<BodyFormat, () => string>> = {
    json: () => `{"events":[${events.join(',')}]}`,
    array: () => `[${events.join(',')}]`,
    jsonl: () => events.map((event) => `${event}\n`).join(''),
    object: () => events.join('\n'),
  }
  return {
    body: Buffer.from(bodies[format]()),
    contentType: format === 'jsonl' ? LINES_TYPE : JSON_TYPE,
    events: events.length,
  }
}

/** The first `count` of endless events. */
export function* take<Item>(items: Iterable<Item>, count: number): Generator<Item> {
  if (count <= 0) return
  let left = count
  for (const item of items) {
    yield item
    if (--left === 0) return
  }
}

export interface FileOptions {
  /** Undefined: by the file's name. */
  readonly contentType: string | undefined
  readonly stdin: Readable
}

/** Files as they are, byte for byte, one batch each; `-` is stdin. */
export async function* readBatches(
  files: readonly string[],
  { contentType, stdin }: FileOptions,
): AsyncGenerator<OutgoingBatch> {
  for (const file of files) {
    const body = file === '-' ? await buffer(stdin) : await readBody(file)
    yield { body, contentType: contentType ?? contentTypeOf(file), events: undefined }
  }
}

/** The objects of JSON Lines, one by one, from files one after the other; `-` is stdin. */
export async function* readLines(
  files: readonly string[],
  open: (file: string) => Readable,
): AsyncGenerator<unknown> {
  for (const file of files) {
    const source = open(file)
    const parser = ndjson.parse()
    source.on('error', (error) => parser.destroy(explainFile(file, error)))
    try {
      yield* source.pipe(parser)
    } catch (error) {
      if (error instanceof CommandFailure) throw error
      // What the parser says repeats the line, which may hold personal data.
      throw new CommandFailure(
        `${nameOf(file)} holds a line that is no JSON object; sending stopped near it. Mend the line, or send the file as it is, without --split.`,
      )
    } finally {
      source.destroy()
    }
  }
}

async function readBody(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw explainFile(file, error)
  }
}

function explainFile(file: string, error: unknown): CommandFailure {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
  return new CommandFailure(`${nameOf(file)} could not be read (${code}). Check the path.`, {
    cause: error,
  })
}

function nameOf(file: string): string {
  return file === '-' ? 'Standard input' : `The file ${file}`
}

function contentTypeOf(file: string): string {
  return /\.(jsonl|ndjson)$/i.test(file) ? LINES_TYPE : JSON_TYPE
}

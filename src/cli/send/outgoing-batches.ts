import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import ndjson from 'ndjson'
import {
  type BodyFormat,
  JSON_TYPE,
  LINES_TYPE,
  type OutgoingBatch,
  packBatch,
} from '../../simulator/pack-batch.ts'
import { CommandFailure } from '../command-failure.ts'

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

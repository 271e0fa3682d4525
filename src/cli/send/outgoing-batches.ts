import { randomInt } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import ndjson from 'ndjson'
import { errorCode } from '../../config/secrets.ts'
import {
  JSON_TYPE,
  LINES_TYPE,
  type OutgoingBatch,
  packBatch,
} from '../../providers/outgoing-batch.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import type { SampleEvent } from '../../providers/samples.ts'
import {
  createRandom,
  findType,
  SEEDED_START,
  sampleEvents,
  take,
} from '../../simulator/samples/sample-events.ts'
import type { Answer } from '../../simulator/send-request.ts'
import { type CommandContext, CommandFailure } from '../command.ts'
import type { SendCommandOptions } from './find-receiver.ts'

/** What is to be sent: files as they are, the lines of files, or generated events. */
export function chooseBatches(
  files: readonly string[],
  options: SendCommandOptions,
  context: CommandContext,
): AsyncIterable<OutgoingBatch> {
  const { count, split, rate } = options
  const { stdin } = context
  if (count === undefined && !split) return readBatches(files, options, stdin)
  const open = (file: string) => (file === '-' ? stdin : createReadStream(file))
  const events = count === undefined ? readLines(files, open) : generate(count, options, context)
  const batches = packBatches(events, options)
  if (rate === undefined) return batches
  return paceBatches(batches, rate, context)
}

/** Between two generated events. */
const EVERY_MS = 10

/** None of them happens later than now. */
function* generate(
  count: number,
  options: SendCommandOptions,
  { now }: CommandContext,
): Generator<SampleEvent> {
  const { provider, type, seed } = options
  const names = type?.split(',').map((name) => name.trim()) ?? []
  const events = sampleEvents({
    provider,
    types: names.flatMap((name) => findType(provider, name) ?? []),
    random: createRandom(seed ?? randomInt(0x1_0000_0000)),
    startsAt: seed === undefined ? now() - count * EVERY_MS : SEEDED_START,
    everyMs: EVERY_MS,
  })
  for (const { event } of take(events, count)) yield event
}

/** Packs events into batches as the provider does, one batch in memory at a time. */
async function* packBatches(
  events: AsyncIterable<unknown> | Iterable<unknown>,
  { provider, batchSize, format: wanted }: SendCommandOptions,
): AsyncGenerator<OutgoingBatch> {
  const { requests } = PROVIDERS[provider]
  const format = requests.format === 'single' ? 'object' : wanted
  let texts: string[] = []
  for await (const event of events) {
    texts.push(JSON.stringify(event))
    if (texts.length < (batchSize ?? requests.maxEvents)) continue
    yield packBatch(texts, format)
    texts = []
  }
  if (texts.length > 0) yield packBatch(texts, format)
}

/** Files as they are, byte for byte, one batch each; `-` is stdin. */
async function* readBatches(
  files: readonly string[],
  { contentType }: SendCommandOptions,
  stdin: Readable,
): AsyncGenerator<OutgoingBatch> {
  for (const file of files) {
    const body = await (file === '-' ? buffer(stdin) : readFile(file)).catch((error) => {
      throw explainFile(file, error)
    })
    const usual = /\.(jsonl|ndjson)$/i.test(file) ? LINES_TYPE : JSON_TYPE
    yield { body, contentType: contentType ?? usual, events: undefined }
  }
}

/** The objects of JSON Lines, one by one, from files one after the other; `-` is stdin. */
async function* readLines(
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

function explainFile(file: string, error: unknown): CommandFailure {
  const text = `${nameOf(file)} could not be read (${errorCode(error)}). Check the path.`
  return new CommandFailure(text, { cause: error })
}

function nameOf(file: string): string {
  return file === '-' ? 'Standard input' : `The file ${file}`
}

interface SendOptions {
  readonly connections: number
  readonly send: (batch: OutgoingBatch) => Promise<Answer>
  readonly onAnswer: (batch: OutgoingBatch, answer: Answer) => void
  /** No batch is begun after it; those under way get their answers. */
  readonly stopped: AbortSignal
}

/** Sends batches, as many at a time as there are connections; takes the next when it can send it. */
export async function sendBatches(
  batches: AsyncIterable<OutgoingBatch>,
  { connections, send, onAnswer, stopped }: SendOptions,
): Promise<void> {
  const iterator = batches[Symbol.asyncIterator]()
  const sendOn = async () => {
    while (!stopped.aborted) {
      const { value: batch, done } = await iterator.next()
      if (done || stopped.aborted) return
      onAnswer(batch, await send(batch))
    }
  }
  // Where one meets the end of what could be read, the others still get their answers.
  const ends = await Promise.allSettled(Array.from({ length: connections }, sendOn))
  await iterator.return?.()
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

/** Holds batches back, so that no more than so many events are sent a second. */
async function* paceBatches(
  batches: AsyncIterable<OutgoingBatch>,
  eventsPerSecond: number,
  { elapsedMs, stopped }: CommandContext,
): AsyncGenerator<OutgoingBatch> {
  const startedAt = elapsedMs()
  let sent = 0
  for await (const batch of batches) {
    const dueAt = startedAt + (sent / eventsPerSecond) * 1_000
    const early = dueAt - elapsedMs()
    // An abort only ends the waiting; the sender looks at the signal itself.
    if (early > 0) await wait(early, undefined, { signal: stopped }).catch(() => {})
    if (stopped.aborted) return
    sent += batch.events ?? 1
    yield batch
  }
}

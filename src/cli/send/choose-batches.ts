import { randomInt } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { PROVIDERS } from '../../providers/providers.ts'
import type { OutgoingBatch } from '../../simulator/pack-batch.ts'
import { findType } from '../../simulator/samples/event-mix.ts'
import { createRandom } from '../../simulator/samples/random.ts'
import { sampleEvents } from '../../simulator/samples/sample-events.ts'
import type { SampleEvent } from '../../simulator/samples/sample-facts.ts'
import { take } from '../../simulator/samples/take.ts'
import type { CommandContext } from '../command-context.ts'
import { packBatches, readBatches, readLines } from './outgoing-batches.ts'
import { paceBatches } from './send-batches.ts'
import type { SendCommandOptions } from './send-options.ts'

/** Times of seeded events count from here, so that the same seed gives the same bytes. */
const SEEDED_START = Date.UTC(2026, 0, 1)

/** What is to be sent: files as they are, the lines of files, or generated events. */
export function chooseBatches(
  files: readonly string[],
  options: SendCommandOptions,
  context: CommandContext,
): AsyncIterable<OutgoingBatch> {
  const { count, split, contentType, rate } = options
  const { stdin, elapsedMs, stopped } = context
  if (count === undefined && !split) return readBatches(files, { contentType, stdin })
  const open = (file: string) => (file === '-' ? stdin : createReadStream(file))
  const events =
    count === undefined ? readLines(files, open) : take(generate(options, context), count)
  const batches = packBatches(events, packOptions(options))
  if (rate === undefined) return batches
  return paceBatches(batches, { eventsPerSecond: rate, elapsedMs, stopped })
}

function generate(options: SendCommandOptions, { now }: CommandContext): Iterable<SampleEvent> {
  const { provider, type, seed } = options
  const names = type?.split(',').map((name) => name.trim()) ?? []
  return sampleEvents({
    provider,
    types: names.flatMap((name) => findType(provider, name) ?? []),
    random: createRandom(seed ?? randomInt(0x1_0000_0000)),
    startsAt: seed === undefined ? now() : SEEDED_START,
  })
}

function packOptions({ provider, batchSize, format }: SendCommandOptions) {
  const { requests } = PROVIDERS[provider]
  if (requests.format === 'single') return { batchSize: 1, format: 'object' as const }
  return { batchSize: batchSize ?? requests.maxEvents, format }
}

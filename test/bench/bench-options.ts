import { parseArgs } from 'node:util'
import { EVENTS_PER_BATCH } from './load/sample-batches.ts'

export const USAGE = `npm run bench -- [options]

  --quick          one short round of everything, about 90 s; for a look, not for quoting
  --rounds N       how often all take turns (default 3)
  --events N       unique events of a (c) round (default 300000)
  --shared-events N  those of the rounds on PostgreSQL and Redis (default 150000; 0: none of them)
  --json FILE      write every figure there
  --receiver FILE  the receiver to measure (default dist/main.js, from \`npm run build\`)
  --profile DIR    write CPU profiles of the receiver's threads there; figures are lower then
`

/** What to measure, and for how long. */
export interface BenchOptions {
  readonly rounds: number
  readonly warmUpMs: number
  readonly measureMs: number
  /** Of a (c) round; a multiple of 500. */
  readonly events: number
  /** Likewise, of a round on PostgreSQL or Redis; 0: without them. */
  readonly sharedEvents: number
  /** Rendered before the clock starts and held in memory, about 175 KB each. */
  readonly batches: number
  readonly jsonFile: string | undefined
  readonly receiver: string
  readonly profileFolder: string | undefined
}

/** Throws TypeError, whose text says what is wrong. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      events: { type: 'string' },
      'shared-events': { type: 'string' },
      json: { type: 'string' },
      receiver: { type: 'string', default: 'dist/main.js' },
      profile: { type: 'string' },
    },
  })
  if (values.help) return 'help'
  const pace = values.quick ? QUICK : FULL
  const events = wholeBatches(readCount('--events', values.events) ?? pace.events)
  const givenShared = readCount('--shared-events', values['shared-events'], 0)
  const sharedEvents = wholeBatches(givenShared ?? pace.sharedEvents)
  return {
    rounds: readCount('--rounds', values.rounds) ?? pace.rounds,
    warmUpMs: pace.warmUpMs,
    measureMs: pace.measureMs,
    events,
    sharedEvents,
    batches: Math.max(pace.batches, events / EVENTS_PER_BATCH, sharedEvents / EVENTS_PER_BATCH),
    jsonFile: values.json,
    receiver: values.receiver,
    profileFolder: values.profile,
  }
}

const FULL = {
  rounds: 3,
  warmUpMs: 1_500,
  measureMs: 8_000,
  events: 300_000,
  sharedEvents: 150_000,
  batches: 4_000,
}
const QUICK = {
  rounds: 1,
  warmUpMs: 500,
  measureMs: 2_000,
  events: 50_000,
  sharedEvents: 25_000,
  batches: 1_000,
}

function wholeBatches(events: number): number {
  return Math.ceil(events / EVENTS_PER_BATCH) * EVENTS_PER_BATCH
}

function readCount(name: string, text: string | undefined, lowest = 1): number | undefined {
  if (text === undefined) return undefined
  const count = Number(text)
  if (Number.isInteger(count) && count >= lowest) return count
  throw new TypeError(`${name} is ${text}; give a whole number from ${lowest} up.`)
}

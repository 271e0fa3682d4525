import { parseArgs } from 'node:util'
import { EVENTS_PER_BATCH } from './load/sample-batches.ts'

export const USAGE = `npm run bench -- [options]

  --quick          one short round of everything, about 20 s; for a look, not for quoting
  --rounds N       how often (a), (b) and (c) take turns (default 3)
  --events N       unique events of a (c) round (default 300000)
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
      json: { type: 'string' },
      receiver: { type: 'string', default: 'dist/main.js' },
      profile: { type: 'string' },
    },
  })
  if (values.help) return 'help'
  const pace = values.quick ? QUICK : FULL
  const events = readCount('--events', values.events) ?? pace.events
  const eventBatches = Math.ceil(events / EVENTS_PER_BATCH)
  return {
    rounds: readCount('--rounds', values.rounds) ?? pace.rounds,
    warmUpMs: pace.warmUpMs,
    measureMs: pace.measureMs,
    events: eventBatches * EVENTS_PER_BATCH,
    batches: Math.max(pace.batches, eventBatches),
    jsonFile: values.json,
    receiver: values.receiver,
    profileFolder: values.profile,
  }
}

const FULL = { rounds: 3, warmUpMs: 1_500, measureMs: 8_000, events: 300_000, batches: 4_000 }
const QUICK = { rounds: 1, warmUpMs: 500, measureMs: 2_000, events: 50_000, batches: 1_000 }

function readCount(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new TypeError(`${name} is ${text}; give a whole number above 0.`)
}

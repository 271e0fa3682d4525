import { basename, dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { EVENTS_PER_BATCH } from './load/sample-batches.ts'

export const USAGE = `npm run bench -- [options]

  --receiver [NAME=]FILE  a receiver to measure (default dist/main.js, from \`npm run build\`);
                   repeated, several take turns in every round; the others are compared with the first
  --only PARTS     a (the provider's sample), b (acks), calm (acks at a fifth of the load), c1 and c3
                   (end to end with one and three handlers), d (batches of 1 and of 10 events), lines
                   (JSON Lines), shared, large, backlog; default a,b,calm,c1,c3,d,lines
  --shared         also on PostgreSQL, and on job libraries
  --large N        also on a store in which N events are already
  --backlog N      also with N events that wait for a paused handler
  --rounds N       how often all take turns (default 3)
  --quick          one short round of everything, for a look, not for quoting
  --events N       unique events of c1 and lines (default 300000), half of them for c3
  --batches N      batches of 1, and of 10 events (default 8000)
  --shared-events N  events of a shared round (default 150000; 0: none)
  --peers DIR      whose node_modules has the job libraries, where they are newer than the installed
  --json FILE      write every figure there
  --profile DIR    write CPU profiles of the receivers' threads there; figures are lower then
`

export const PARTS = [
  'a',
  'b',
  'calm',
  'c1',
  'c3',
  'd',
  'lines',
  'shared',
  'large',
  'backlog',
] as const
export type Part = (typeof PARTS)[number]

const USUAL: readonly Part[] = ['a', 'b', 'calm', 'c1', 'c3', 'd', 'lines']
/** Those that send for a while, not a number of events. */
const ACKS: readonly Part[] = ['a', 'b', 'calm', 'shared', 'large']
const LARGE_EVENTS = 10_000_000
const BACKLOG_EVENTS = 1_600_000

export interface NamedReceiver {
  readonly name: string
  readonly file: string
}

/** What to measure, and for how long. Events are of whole batches of 500. */
export interface BenchOptions {
  /** The first one is ours. */
  readonly receivers: readonly NamedReceiver[]
  readonly parts: readonly Part[]
  readonly rounds: number
  readonly warmUpMs: number
  readonly measureMs: number
  readonly events: number
  readonly smallBatches: number
  readonly sharedEvents: number
  readonly largeEvents: number
  readonly backlogEvents: number
  /** Full ones, rendered before the clock starts and held in memory, about 175 KB each. */
  readonly fullBatches: number
  readonly peersFolder: string | undefined
  readonly jsonFile: string | undefined
  readonly profileFolder: string | undefined
}

/** Throws TypeError, whose text says what is wrong. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({ args: [...args], options: FLAGS })
  if (values.help) return 'help'
  const pace = values.quick ? QUICK : FULL
  const count = (name: keyof typeof COUNTS, usual: number) => readCount(name, values[name]) ?? usual
  const events = wholeBatches(count('events', pace.events))
  const sharedEvents = wholeBatches(count('shared-events', pace.sharedEvents))
  const parts = readParts(values)
  const measuresAcks = parts.some((part) => ACKS.includes(part))
  return {
    receivers: readReceivers(values.receiver),
    parts,
    rounds: count('rounds', pace.rounds),
    warmUpMs: pace.warmUpMs,
    measureMs: pace.measureMs,
    events,
    smallBatches: count('batches', pace.smallBatches),
    sharedEvents,
    largeEvents: wholeBatches(count('large', LARGE_EVENTS)),
    backlogEvents: wholeBatches(count('backlog', BACKLOG_EVENTS)),
    fullBatches: Math.max(
      measuresAcks ? pace.fullBatches : 1,
      Math.max(events, sharedEvents) / EVENTS_PER_BATCH,
    ),
    peersFolder: values.peers,
    jsonFile: values.json,
    profileFolder: values.profile,
  }
}

const COUNTS = {
  rounds: { type: 'string' },
  events: { type: 'string' },
  batches: { type: 'string' },
  'shared-events': { type: 'string' },
  large: { type: 'string' },
  backlog: { type: 'string' },
} as const

const FLAGS = {
  ...COUNTS,
  help: { type: 'boolean', short: 'h', default: false },
  quick: { type: 'boolean', default: false },
  receiver: { type: 'string', multiple: true },
  only: { type: 'string' },
  shared: { type: 'boolean', default: false },
  peers: { type: 'string' },
  json: { type: 'string' },
  profile: { type: 'string' },
} as const

const FULL = {
  rounds: 3,
  warmUpMs: 1_500,
  measureMs: 8_000,
  events: 300_000,
  smallBatches: 8_000,
  sharedEvents: 150_000,
  fullBatches: 4_000,
}
const QUICK = {
  rounds: 1,
  warmUpMs: 500,
  measureMs: 2_000,
  events: 50_000,
  smallBatches: 1_000,
  sharedEvents: 25_000,
  fullBatches: 1_000,
}

function readReceivers(given: readonly string[] = ['dist/main.js']): NamedReceiver[] {
  const receivers = given.map((text) => {
    const at = text.indexOf('=')
    const file = resolve(text.slice(at + 1))
    // /somewhere/receiver/dist/main.js is called receiver.
    return { name: at > 0 ? text.slice(0, at) : basename(dirname(dirname(file))), file }
  })
  const names = receivers.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return receivers
  throw new TypeError(`Two receivers are called ${twice}; give each a name: --receiver NAME=FILE.`)
}

function readParts(values: {
  readonly only?: string | undefined
  readonly shared: boolean
  readonly 'shared-events'?: string | undefined
  readonly large?: string | undefined
  readonly backlog?: string | undefined
}): Part[] {
  const only = values.only?.split(',').map(readPart)
  const sizedShared = values['shared-events'] !== undefined && values['shared-events'] !== '0'
  const asked: Part[] = [
    ...(only ?? USUAL),
    ...(values.shared || (sizedShared && !only) ? (['shared'] as const) : []),
    ...(values.large !== undefined && !only ? (['large'] as const) : []),
    ...(values.backlog !== undefined && !only ? (['backlog'] as const) : []),
  ]
  return PARTS.filter((part) => asked.includes(part))
}

function readPart(name: string): Part {
  const part = PARTS.find((one) => one === name)
  if (part) return part
  throw new TypeError(`There is no part ${name}; there are ${PARTS.join(', ')}.`)
}

function wholeBatches(events: number): number {
  return Math.ceil(events / EVENTS_PER_BATCH) * EVENTS_PER_BATCH
}

function readCount(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const count = Number(text)
  const lowest = name === 'shared-events' ? 0 : 1
  if (Number.isInteger(count) && count >= lowest) return count
  throw new TypeError(`--${name} is ${text}; give a whole number from ${lowest} up.`)
}

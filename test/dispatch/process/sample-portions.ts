import { Holdings } from '../../../src/dispatch/holdings.ts'
import type { Portion } from '../../../src/dispatch/process/page-ledger.ts'
import type { BatchFacts, ClaimedJob, OpenRun } from '../../../src/store/store.ts'

export const BATCH: BatchFacts = {
  seq: 7,
  id: '0190a000-0000-7000-8000-000000000007',
  source: 'mailtrap',
  provider: 'mailtrap',
  receivedAt: 1_768_651_201_000,
}

/** Payloads of different lengths, so that a wrong place is seen. */
export const payloadOf = (event: number): string =>
  `{"event":${event},"x":"${'é'.repeat(event % 7)}"}`

/** A run of these events out of a body of `count`. */
export function makeRun(wanted: readonly number[], count = wanted.length): OpenRun {
  const payloads = Array.from({ length: count }, (_, event) => Buffer.from(payloadOf(event)))
  const starts: number[] = []
  let at = 1
  for (const payload of payloads) {
    starts.push(at)
    at += payload.length + 1
  }
  return {
    run: 1,
    handler: 'handler',
    fence: 3,
    opened: 2,
    batch: BATCH,
    body: Buffer.from(`[${payloads.join(',')}]`),
    events: wanted.map((event) => ({
      event,
      start: starts[event] as number,
      bytes: payloads[event]?.length as number,
      keys: Buffer.alloc(16, event),
      keyAt: 0,
      type: 'delivery',
    })),
  }
}

export function makeJob(event: number, isAlone = false): ClaimedJob {
  const facts = { event, handler: 'handler', attempt: 4, counted: 2, fence: 9, isAlone }
  const payload = Buffer.from(payloadOf(event))
  return {
    ...facts,
    batch: BATCH,
    key: Buffer.alloc(16, event),
    type: 'bounce',
    payload,
  }
}

export const runOf = (count: number): Portion =>
  new Holdings().take(makeRun(Array.from({ length: count }, (_, event) => event)))

export const jobOf = (event: number, isAlone = false): Portion =>
  new Holdings().take(makeJob(event, isAlone))

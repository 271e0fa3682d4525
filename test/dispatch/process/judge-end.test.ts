import { describe, expect, it } from 'vitest'
import { PROGRESS, toEntry } from '../../../src/dispatch/channel-frames.ts'
import { type EndKind, judgeEnd } from '../../../src/dispatch/process/judge-end.ts'
import {
  PageLedger,
  type Portion,
  type PortionEnd,
} from '../../../src/dispatch/process/page-ledger.ts'
import { jobOf, runOf } from './sample-portions.ts'

const { waiting, done, failed, returned } = PROGRESS
const ENDED_AT = 5_000
const startedAgo = (ms: number) => toEntry(PROGRESS.started, ENDED_AT - ms)
const started = startedAgo(12)

/** Ends a process that had these, with the entries of its progress file, one for each event. */
function end(
  pages: readonly { readonly portions: readonly Portion[]; readonly entries: readonly number[] }[],
  kind: EndKind = 'crash',
  { hasBegun = true, mayReturn = false } = {},
) {
  const ledger = new PageLedger()
  const slots = new Map(
    pages.map(({ portions, entries }) => [
      ledger.hand(portions, 0).slot,
      Uint32Array.from(entries),
    ]),
  )
  const means = { readSlot: () => new Uint32Array(0), hasAborted: false, mayReturn: false }
  if (hasBegun) ledger.take({ pages: [77] }, means)
  judgeEnd({
    ledger,
    readSlot: (slot) => slots.get(slot) as Uint32Array,
    kind,
    reason: kind === 'crash' ? 'exit code 1' : 'the receiver stopped',
    timeoutMs: 1_000,
    endedAt: ENDED_AT,
    mayReturn,
  })
  const ends = ledger.takeEnds()
  return { ends, ledger, ...flatten(ends) }
}

function flatten(ends: readonly PortionEnd[]) {
  return {
    done: ends.flatMap((one) => one.done),
    returned: ends.flatMap((one) => one.returned.map(({ event }) => event)),
    failed: Object.fromEntries(
      ends.flatMap((one) => one.failed.map(({ event, failure }) => [event.event, failure])),
    ),
  }
}

describe('judgeEnd', () => {
  it('charges the only event that was under way', () => {
    const ended = end([{ portions: [runOf(4)], entries: [done, started, waiting, waiting] }])
    expect(ended.done).toEqual([0])
    expect(ended.failed).toEqual({ 1: { kind: 'retry', error: 'process ended: exit code 1' } })
    expect(ended.returned).toEqual([2, 3])
    expect(ended.ends[0]?.failed[0]).toMatchObject({ durationMs: 12, hasEndedProcess: true })
    expect(ended.ledger.isEmpty).toBe(true)
  })

  it('charges none of several', () => {
    const { ends, ...ended } = end([
      { portions: [runOf(2)], entries: [started, done] },
      { portions: [jobOf(20), jobOf(21)], entries: [started, waiting] },
    ])
    expect(ended.failed).toMatchObject({ 0: { kind: 'suspect' }, 20: { kind: 'suspect' } })
    expect(ended.done).toEqual([1])
    expect(ended.returned).toEqual([21])
    expect(ends.flatMap((one) => one.failed).some(({ hasEndedProcess }) => hasEndedProcess)).toBe(
      false,
    )
  })

  it('lets what failed without a word fail by itself', () => {
    const { failed: errors } = end([{ portions: [runOf(2)], entries: [failed, started] }])
    expect(errors[0]).toEqual({
      kind: 'retry',
      error: 'it failed, and before it was told why: process ended: exit code 1',
    })
    expect(errors[1]).toMatchObject({ kind: 'retry' })
  })

  it('blames the first event when nothing was ever begun, or it would come first for ever', () => {
    const page = { portions: [runOf(3)], entries: [waiting, waiting, waiting] }
    expect(end([page], undefined, { hasBegun: false })).toMatchObject({
      failed: { 0: { kind: 'retry' } },
      returned: [1, 2],
    })
    expect(end([page])).toMatchObject({ failed: {}, returned: [0, 1, 2] })
  })

  it('lets only what has overrun be charged when it was killed for that', () => {
    const entries = [startedAgo(999), startedAgo(1_001), waiting]
    const ended = end([{ portions: [runOf(3)], entries }], 'overrun')
    expect(ended.failed).toMatchObject({
      0: { kind: 'interrupted', error: expect.stringMatching(/^interrupted: another attempt/) },
      1: { kind: 'retry', error: 'timed out after 1 s' },
    })
    expect(ended.returned).toEqual([2])
  })

  it('interrupts what runs when we wanted the end', () => {
    const ended = end([{ portions: [runOf(2)], entries: [started, waiting] }], 'stopped', {
      hasBegun: false,
    })
    const error = 'interrupted: the receiver stopped'
    expect(ended.failed).toEqual({ 0: { kind: 'interrupted', error } })
    expect(ended.returned).toEqual([1])
  })

  it('takes back only what it asked for', () => {
    const page = { portions: [runOf(2)], entries: [started, returned] }
    expect(end([page], undefined, { mayReturn: true }).returned).toEqual([1])
    expect(end([page])).toMatchObject({
      returned: [],
      failed: { 1: { error: expect.stringMatching(/^it failed, and before it was told why/) } },
    })
  })
})

describe('PageLedger', () => {
  const took = (ms: number) => toEntry(done, ms)

  it('takes what is done, with how long each took, and each event once', () => {
    const ledger = new PageLedger()
    const page = ledger.hand([runOf(9), jobOf(20)], 0)
    const entries = Uint32Array.of(took(5), 0, took(6), 0, 0, 0, 0, 0, 0, took(70_000))
    ledger.read(page, entries, false)
    expect(ledger.takeEnds()).toMatchObject([
      { done: [0, 2], doneMs: [5, 6] },
      { done: [20], doneMs: [65_535] },
    ])
    entries[1] = entries[8] = took(0)
    ledger.read(page, entries, false)
    expect(ledger.takeEnds()).toMatchObject([{ done: [1, 8], doneMs: [0, 0] }])
    expect(page.left).toBe(5)
  })

  it('passes over what was not handed', () => {
    const ledger = new PageLedger()
    const { id } = ledger.hand([runOf(2)], 0)
    const failure = { kind: 'dead', error: 'no', ms: 1 } as const
    const failures = [-1, 0.5, 2, 1_000].map((at) => ({ page: id, at, ...failure }))
    const readSlot = () => Uint32Array.of(returned, returned)
    ledger.take(
      { pages: [77, id], failures: [...failures, { page: 77, at: 0, ...failure }] },
      { readSlot, hasAborted: false, mayReturn: false },
    )
    expect(ledger.takeEnds()).toEqual([])
    const [page] = ledger.pages()
    expect(page?.left).toBe(2)
  })

  it('takes back what was asked for, and spares what we aborted', () => {
    const ledger = new PageLedger()
    const { id } = ledger.hand([runOf(4)], 0)
    const failures = [
      { page: id, at: 0, kind: 'retry', error: 'aborted', ms: 4 },
      { page: id, at: 1, kind: 'dead', error: 'no', ms: 5 },
    ] as const
    const readSlot = () => Uint32Array.of(failed, failed, returned, took(1))
    const means = { readSlot, hasAborted: true, mayReturn: true }
    ledger.take({ failures: [...failures], pages: [id] }, means)
    expect(flatten(ledger.takeEnds())).toEqual({
      done: [3],
      failed: {
        0: { kind: 'interrupted', error: 'aborted' },
        1: { kind: 'dead', error: 'no' },
      },
      returned: [2],
    })
    expect(ledger.isEmpty).toBe(true)
  })

  it('gives a slot to another page once the first has ended', () => {
    const ledger = new PageLedger()
    const first = ledger.hand([runOf(1)], 0)
    expect(ledger.hand([runOf(1)], 0).slot).toBe(1)
    ledger.giveBack(first, 0)
    expect(ledger.hand([runOf(1)], 0).slot).toBe(0)
  })
})

import { describe, expect, it } from 'vitest'
import type { Cause } from '../../src/alerts/cause.ts'
import { type KnownCauses, mergeKnown, noteTold, takeCauses } from '../../src/alerts/telling.ts'
import { HOUR_MS, MINUTE_MS, NOW } from './sample-figures.ts'

const DISK: Cause = { cause: 'disk', since: undefined, text: 'It is full.', remedy: 'Free it.' }
const EVERY_MS = 10_000
const dead = (amount: number): Cause => ({ ...DISK, cause: 'jobs_dead:crm', amount })

/** Looks every ten seconds and tells whatever is to be told. */
function play(
  minutes: readonly (readonly [minutes: number, causes: readonly Cause[]])[],
  { known = {}, start = NOW }: { known?: KnownCauses; start?: number } = {},
) {
  let at = start
  let memory = known
  const told: string[] = []
  for (const [length, causes] of minutes) {
    for (const end = at + length * MINUTE_MS; at < end; at += EVERY_MS) {
      const taken = takeCauses(memory, causes, {
        at,
        everyMs: EVERY_MS,
        watchedSince: start,
        isTold: true,
      })
      memory = taken.causes
      for (const telling of taken.tellings) {
        told.push(`${telling.cause} ${telling.state} ${Math.round((at - start) / MINUTE_MS)}`)
        memory = noteTold(memory, telling, at)
      }
    }
  }
  return { told, memory, at }
}

describe('what is told of causes', () => {
  it('is that one begins, and that it is over', () => {
    const { told, memory } = play([
      [1, []],
      [30, [DISK]],
      [61, []],
    ])
    expect(told).toEqual(['disk began 1', 'disk ended 32'])
    expect(memory).toEqual({})
  })

  it('is an end, and a new beginning, also when the clock was set back meanwhile', () => {
    const before = play([[30, [DISK]]])
    const start = NOW - 24 * HOUR_MS
    const rules = { everyMs: EVERY_MS, watchedSince: NOW, isTold: true }
    const failing = takeCauses({}, [DISK], { ...rules, at: NOW }).causes
    const held = takeCauses(failing, [DISK], { ...rules, at: NOW + EVERY_MS }).causes

    expect(play([[5, []]], { known: before.memory, start }).told).toEqual(['disk ended 2'])
    expect(play([[5, [DISK]]], { known: held, start }).told).toEqual(['disk began 0'])
  })

  it('is nothing of what was over when somebody looked again', () => {
    const { tellings } = takeCauses({}, [DISK], {
      at: NOW,
      everyMs: EVERY_MS,
      watchedSince: NOW,
      isTold: true,
    })
    expect(tellings).toEqual([])
    expect(
      play([
        [0.1, [DISK]],
        [5, []],
      ]).told,
    ).toEqual([])
  })
  it('is at most once an hour that the same one begins', () => {
    const flapping = Array.from({ length: 20 }, () => [
      [3, [DISK]],
      [3, []],
    ]).flat() as [number, Cause[]][]
    expect(play(flapping).told).toEqual([
      'disk began 0',
      'disk ended 4',
      'disk began 60',
      'disk ended 64',
    ])
  })
  it('is, after an hour, that there is more of it, and nothing when there is less', () => {
    const { told } = play([
      [5, [dead(1)]],
      [115, [dead(9)]],
      [120, [dead(3)]],
    ])
    expect(told).toEqual(['jobs_dead:crm began 0', 'jobs_dead:crm grew 60'])
  })
  it('is nothing of what was told before a restart', () => {
    const before = play([[5, [DISK]]])
    const start = before.at + 10 * MINUTE_MS
    const known = JSON.parse(JSON.stringify(before.memory))
    expect(play([[120, [DISK]]], { known, start }).told).toEqual([])
    expect(play([[5, []]], { known, start }).told).toEqual(['disk ended 2'])
  })
  it('waits longer and longer for one that cannot be told', () => {
    let causes: KnownCauses = {}
    const tries: number[] = []
    for (let at = NOW; at < NOW + HOUR_MS; at += 10_000) {
      const taken = takeCauses(causes, [DISK], {
        at,
        everyMs: EVERY_MS,
        watchedSince: NOW,
        isTold: true,
      })
      causes = taken.causes
      if (taken.tellings.length > 0) tries.push((at - NOW) / 1_000)
    }
    expect(tries).toEqual([10, 40, 100, 220, 460, 940, 1540, 2140, 2740, 3340])
  })
  it('is held for whoever asked first', () => {
    const first = takeCauses({}, [DISK], {
      at: NOW,
      everyMs: EVERY_MS,
      watchedSince: NOW,
      isTold: true,
    })
    const at = NOW + 10_000
    const mine = takeCauses(first.causes, [DISK], {
      at,
      everyMs: EVERY_MS,
      watchedSince: NOW,
      isTold: true,
    })
    const other = takeCauses(mine.causes, [DISK], {
      at,
      everyMs: EVERY_MS,
      watchedSince: NOW,
      isTold: true,
    })
    expect(mine.tellings).toHaveLength(1)
    expect(other.tellings).toEqual([])
  })
  it('does not end while another replica still sees it', () => {
    const rules = { everyMs: EVERY_MS, watchedSince: NOW, isTold: true }
    let { memory } = play([[5, [DISK]]])
    const told: string[] = []
    for (let at = NOW + 5 * MINUTE_MS; at < NOW + HOUR_MS; at += 10_000) {
      for (const causes of [[DISK], []]) {
        const taken = takeCauses(memory, causes, { ...rules, at })
        memory = taken.causes
        told.push(...taken.tellings.map(({ state }) => state))
      }
    }
    expect(told).toEqual([])
  })
  it('is nothing where nobody is to be told, and everything once somebody is', () => {
    const quiet = { everyMs: EVERY_MS, watchedSince: NOW, isTold: false }
    const first = takeCauses({}, [DISK], { ...quiet, at: NOW })
    const second = takeCauses(first.causes, [DISK], { ...quiet, at: NOW + MINUTE_MS })
    expect(second.tellings).toEqual([])
    const third = takeCauses(second.causes, [DISK], {
      at: NOW + 2 * MINUTE_MS,
      everyMs: EVERY_MS,
      watchedSince: NOW,
      isTold: true,
    })
    expect(third.tellings).toMatchObject([{ cause: 'disk', state: 'began', since: NOW }])
  })
  it('is remembered also when it was told while the store could not be written', () => {
    const written = play([[1, [dead(1)]]]).memory
    const own = play([[5, [dead(1), DISK]]]).memory
    const merged = mergeKnown(written, own)
    expect(play([[2, [dead(1)]]], { known: merged, start: NOW + 5 * MINUTE_MS }).told).toEqual([
      'disk ended 2',
    ])
  })
})

import { describe, expect, it, vi } from 'vitest'
import { ReceiverError } from '../../../src/errors.ts'
import { createGroupCommit } from '../../../src/store/postgres/journal.ts'

/** A group commit of numbers, each as large as it says, whose commits end when the test says so. */
function start(options: { mostGroups?: number; deadlineMs?: number } = {}) {
  const commits: { items: readonly number[]; end: (error?: unknown) => void }[] = []
  const group = createGroupCommit<number>({
    commit: (items) =>
      new Promise((resolve, reject) => {
        const end = (error?: unknown) => (error ? reject(error) : resolve())
        commits.push({ items, end })
      }),
    sizeOf: (size) => size,
    mostGroups: options.mostGroups ?? 1,
    mostItems: 3,
    mostSize: 10,
    deadlineMs: options.deadlineMs ?? 60_000,
  })
  const groups = () => commits.map(({ items }) => items)
  return { add: group.add, commits, groups }
}

describe('createGroupCommit', () => {
  it('commits at once, and together what came meanwhile', async () => {
    const { add, commits, groups } = start()
    const all = [1, 2, 3].map(add)
    expect(groups()).toEqual([[1]])
    commits[0]?.end()
    await vi.waitFor(() => expect(groups()).toEqual([[1], [2, 3]]))
    commits[1]?.end()
    await Promise.all(all)
  })

  it('has a bounded number of groups under way, each of bounded count and size', async () => {
    const { add, commits, groups } = start({ mostGroups: 2 })
    for (const size of [1, 1, 1, 1, 1, 1, 9, 2, 99]) void add(size)
    expect(groups()).toEqual([[1], [1]])
    for (let n = 0; n < 6; n++) {
      await vi.waitFor(() => expect(commits.length).toBeGreaterThan(n))
      commits[n]?.end()
    }
    await vi.waitFor(() => expect(groups().slice(2)).toEqual([[1, 1, 1], [1, 9], [2], [99]]))
  })

  it('fails a group together, and goes on', async () => {
    const { add, commits } = start()
    const first = add(1)
    const others = [add(2), add(3)]
    commits[0]?.end(new ReceiverError('store_full'))
    await expect(first).rejects.toMatchObject({ code: 'store_full' })
    await vi.waitFor(() => expect(commits).toHaveLength(2))
    commits[1]?.end()
    await Promise.all(others)
  })

  it('refuses only the one that the store cannot take', async () => {
    const kept: number[] = []
    const { add } = createGroupCommit<number>({
      commit: async (items) => {
        if (items.includes(2)) throw new ReceiverError('store_refused')
        kept.push(...items)
      },
      sizeOf: () => 1,
      mostGroups: 1,
      mostItems: 10,
      mostSize: 10,
      deadlineMs: 60_000,
    })
    const settled = await Promise.allSettled([1, 2, 3, 4].map(add))
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
    expect(kept).toEqual([1, 3, 4])
  })

  it('refuses what waited too long, whether its commit began or not', async () => {
    const { add, groups } = start({ deadlineMs: 20 })
    const all = [add(1), add(2)]
    for (const one of all) await expect(one).rejects.toMatchObject({ code: 'store_busy' })
    expect(groups()).toEqual([[1]])
  })
})

import { ReceiverError } from '../../errors.ts'

/** Gathers what waits at the same moment, so that it shares one commit. */
export interface GroupCommit<Item> {
  /** Resolves once the item's group is committed; rejects for the reason of its group. */
  add(item: Item): Promise<void>
}

export interface GroupCommitOptions<Item> {
  readonly commit: (items: readonly Item[]) => Promise<void>
  readonly sizeOf: (item: Item) => number
  /** Groups under way at once; what comes meanwhile is gathered. */
  readonly mostGroups: number
  readonly mostItems: number
  /** Sum of sizes; one item may be larger. */
  readonly mostSize: number
  /** From the call of `add`. After it the item is refused, though it may still be committed. */
  readonly deadlineMs: number
}

interface Waiting<Item> {
  readonly item: Item
  resolve(): void
  reject(error: unknown): void
}

function isRefusal(error: unknown): boolean {
  return error instanceof ReceiverError && error.code === 'store_refused'
}

export function createGroupCommit<Item>(options: GroupCommitOptions<Item>): GroupCommit<Item> {
  const { commit, sizeOf, mostGroups, mostItems, mostSize, deadlineMs } = options
  const waiting = new Set<Waiting<Item>>()
  let groups = 0

  function takeGroup(): readonly Waiting<Item>[] {
    const group: Waiting<Item>[] = []
    let size = 0
    for (const one of waiting) {
      size += sizeOf(one.item)
      if (group.length > 0 && (size > mostSize || group.length === mostItems)) break
      group.push(one)
      waiting.delete(one)
    }
    return group
  }

  async function commitGroup(group: readonly Waiting<Item>[]): Promise<void> {
    groups++
    try {
      await commit(group.map(({ item }) => item))
      for (const { resolve } of group) resolve()
    } catch (error) {
      if (group.length > 1 && isRefusal(error)) await commitSingly(group)
      else for (const { reject } of group) reject(error)
    }
    groups--
    commitWaiting()
  }

  /** One of them cannot be taken; its neighbours can. */
  async function commitSingly(group: readonly Waiting<Item>[]): Promise<void> {
    for (const { item, resolve, reject } of group) await commit([item]).then(resolve, reject)
  }

  function commitWaiting(): void {
    while (groups < mostGroups && waiting.size > 0) void commitGroup(takeGroup())
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(one)
          const detail = `PostgreSQL: no answer within ${deadlineMs} ms`
          reject(new ReceiverError('store_busy', { detail }))
        }, deadlineMs)
        const one: Waiting<Item> = {
          item,
          resolve() {
            clearTimeout(timer)
            resolve()
          },
          reject(error) {
            clearTimeout(timer)
            reject(error)
          },
        }
        waiting.add(one)
        commitWaiting()
      }),
  }
}

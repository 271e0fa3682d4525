import type { StopPlan } from './stop-plan.ts'

/** Ends one part of what runs. */
export type Closer = (plan: StopPlan) => void | Promise<void>

export interface Closers {
  /**
   * Also while the others are closed, or after: then this one follows at once. `part` names it for
   * people.
   */
  add(part: string, closer: Closer): void
  /**
   * Last in, first out. One that fails holds up no other: what is not closed keeps its lock, and
   * what was acknowledged. Rejects with the first failure then.
   */
  close(): Promise<void>
  /** What is not closed yet, in the order in which it is. */
  left(): readonly string[]
}

/** `plan` is asked before each of them. */
export function createClosers(plan: () => StopPlan): Closers {
  const open: { part: string; closer: Closer }[] = []
  let underWay: string | undefined
  let closing: Promise<void> | undefined

  async function closeAll(): Promise<void> {
    const failures: unknown[] = []
    for (let next = open.pop(); next; next = open.pop()) {
      underWay = next.part
      try {
        await next.closer(plan())
      } catch (error) {
        failures.push(error)
      }
    }
    underWay = undefined
    if (failures.length > 0) throw failures[0]
  }

  return {
    add(part, closer) {
      open.push({ part, closer })
      closing = closing?.finally(closeAll)
    },
    close() {
      closing ??= closeAll()
      return closing
    },
    left: () => [
      ...(underWay === undefined ? [] : [underWay]),
      ...open.map(({ part }) => part).reverse(),
    ],
  }
}

import type { StopPlan } from './stop-plan.ts'

/** Ends one part of what runs. */
export type Closer = (plan: StopPlan) => void | Promise<void>

export interface Closers {
  /** Also while the others are closed, or after: then this one follows at once. */
  add(closer: Closer): void
  /**
   * Last in, first out. One that fails holds up no other: what is not closed keeps its lock, and
   * what was acknowledged. Rejects with the first failure then.
   */
  close(): Promise<void>
}

/** `plan` is asked before each of them. */
export function createClosers(plan: () => StopPlan): Closers {
  const open: Closer[] = []
  let closing: Promise<void> | undefined

  async function closeAll(): Promise<void> {
    const failures: unknown[] = []
    for (let closer = open.pop(); closer; closer = open.pop()) {
      try {
        await closer(plan())
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  return {
    add(closer) {
      open.push(closer)
      closing = closing?.finally(closeAll)
    },
    close() {
      closing ??= closeAll()
      return closing
    },
  }
}

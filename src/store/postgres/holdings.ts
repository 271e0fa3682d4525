import { RolledBack } from './session.ts'

/**
 * What this engine was handed and may still work on. Each lease carries the number of its taker; what
 * the database counts as ours and we know nothing of was in an answer that was lost with its
 * connection. It is let go before the next claim, instead of never: for its taker no lease ends.
 */
export function createHoldings<Name extends number | string = number>(
  /** Ends the leases of this engine but those of these names. */
  letGo: (but: readonly Name[]) => Promise<unknown>,
  /** Milliseconds of a clock that only goes forward. */
  now: () => number = () => performance.now(),
) {
  const held = new Map<Name, { readonly until: number; readonly fence: number }>()
  let underWay = 0
  let isInDoubt = false
  let clearing: Promise<void> | undefined
  const whenIdle: (() => void)[] = []

  const isIdle = async () => {
    if (underWay > 0) await new Promise<void>((resolve) => whenIdle.push(resolve))
  }

  async function clear(): Promise<void> {
    // What begins now waits for it, so that there is an end to what is under way.
    await isIdle()
    await letGo([...held.keys()])
    isInDoubt = false
  }

  return {
    /**
     * Runs what takes leases and holds them. When it fails, nobody knows whether it took some: the next
     * one first lets go what is not held, once nothing else is under way.
     */
    async taking<Result>(take: () => Promise<Result>): Promise<Result> {
      if (isInDoubt) {
        clearing ??= clear().finally(() => {
          clearing = undefined
        })
      }
      await clearing
      underWay++
      try {
        return await take()
      } catch (error) {
        isInDoubt ||= !(error instanceof RolledBack)
        throw error
      } finally {
        underWay--
        if (underWay === 0) for (const resolve of whenIdle.splice(0)) resolve()
      }
    },
    /** Ours until it is dropped. `fence` names which opening of it, where there are several. */
    hold: (name: Name, leaseMs: number, fence = 0) =>
      void held.set(name, { until: now() + leaseMs, fence }),
    /**
     * To be called before leases are extended; what it answers, once they were. The leases of these go
     * on, as far as they are still those of these openings. Others, whose leases had ended before, are
     * forgotten: whoever works on them would have named them.
     */
    renewal(named: readonly { readonly name: Name; readonly fence?: number }[], leaseMs: number) {
      const beganAt = now()
      const fences = new Map(named.map(({ name, fence = 0 }) => [name, fence]))
      const lapsed = [...held].filter(([name, { until, fence }]) => {
        return until <= beganAt && fences.get(name) !== fence
      })
      return () => {
        const until = now() + leaseMs
        for (const [name, fence] of fences) {
          if (held.get(name)?.fence === fence) held.set(name, { until, fence })
        }
        for (const [name, entry] of lapsed) {
          if (held.get(name) !== entry) continue
          held.delete(name)
          isInDoubt = true
        }
      }
    },
    drop: (name: Name) => void held.delete(name),
    /** Lets go all that is held, once nothing more is taken: nobody here works on it any more. */
    async letAllGo(): Promise<void> {
      await isIdle()
      if (held.size === 0) return
      held.clear()
      await letGo([])
    },
  }
}

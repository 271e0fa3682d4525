/** Lets the first few of a kind through in each second, and counts the others. */
export interface Sampler {
  /** How many were held back since the last one let through; undefined: hold this one back. */
  admit(kind: string): number | undefined
}

export function createSampler(options: { now: () => number; perSecond: number }): Sampler {
  const { now, perSecond } = options
  const kinds = new Map<string, { since: number; admitted: number; heldBack: number }>()

  return {
    admit(kind) {
      const time = now()
      const known = kinds.get(kind) ?? { since: time, admitted: 0, heldBack: 0 }
      kinds.set(kind, known)
      // A clock set back must not silence a kind until it has caught up.
      if (time - known.since >= 1_000 || time < known.since) {
        known.since = time
        known.admitted = 0
      }
      if (known.admitted >= perSecond) {
        known.heldBack += 1
        return undefined
      }
      known.admitted += 1
      const { heldBack } = known
      known.heldBack = 0
      return heldBack
    },
  }
}

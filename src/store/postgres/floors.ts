/** Below this is nothing. */
const BOTTOM = 0

/** After a look from the bottom, others begin above it for so many times what it took. */
const PAUSE = 20
/** But never for longer than this after the last. */
const LONGEST_PAUSE_MS = 10_000

/** Longer than whoever writes rows of lower numbers takes for it. */
const SETTLED_MS = 3_000

/** Where to look for the first of the rows that are open. */
export interface Floor {
  /**
   * Rows as `read` finds them from a place on; `placeOf` tells that of a row, and the first row has the
   * lowest. Rows of which nobody here could know may be found a moment later.
   */
  look<Row>(read: (from: number) => Promise<Row[]>, placeOf: (row: Row) => number): Promise<Row[]>
  /** Rows that are below may be open again. */
  lower(): void
}

/**
 * A row that is closed leaves an entry in the index of the open ones until VACUUM has removed it, and
 * as long as any transaction in the database is older, VACUUM may not. Somebody's forgotten transaction
 * made each look pass more of them, 10,000 a minute (150 batches/s, November 2026). So it begins where
 * others found the first open row a moment ago, and at the bottom only for a small share of the time.
 */
export function createFloor(elapsedMs: () => number): Floor {
  let floor = BOTTOM
  let candidate: { readonly at: number; readonly place: number } | undefined
  let isLowered = false
  let bottomFrom = elapsedMs()

  /** It rises slowly, and falls at once. */
  function note(place: number): void {
    const at = elapsedMs()
    if (place < floor) floor = place
    if (candidate && place >= candidate.place && at - candidate.at < SETTLED_MS) return
    if (candidate && place >= candidate.place) floor = candidate.place
    candidate = { at, place }
  }

  async function lookFromBottom<Row>(read: (from: number) => Promise<Row[]>): Promise<Row[]> {
    const beganAt = elapsedMs()
    isLowered = false
    const rows = await read(BOTTOM)
    const endedAt = elapsedMs()
    bottomFrom = endedAt + Math.min(LONGEST_PAUSE_MS, PAUSE * (endedAt - beganAt))
    return rows
  }

  return {
    async look(read, placeOf) {
      const isAtBottom = floor === BOTTOM || isLowered || elapsedMs() >= bottomFrom
      const rows = isAtBottom ? await lookFromBottom(read) : await read(floor)
      const [first] = rows
      if (first !== undefined) note(placeOf(first))
      return rows
    },
    lower() {
      isLowered = true
    },
  }
}

export type Floors = ReturnType<typeof createFloors>

/** One for each handler. */
export function createFloors(elapsedMs: () => number) {
  const floors = new Map<string, Floor>()
  return {
    of(handler: string): Floor {
      const floor = floors.get(handler) ?? createFloor(elapsedMs)
      floors.set(handler, floor)
      return floor
    },
    lower(handler?: string): void {
      if (handler !== undefined) floors.get(handler)?.lower()
      else for (const floor of floors.values()) floor.lower()
    },
  }
}

/** Below this is nothing. */
const BOTTOM = 0

/** After a look from the bottom, others begin above it for so many times what it took. */
const PAUSE = 20
/** But never for longer than this after the last, */
const LONGEST_PAUSE_MS = 10_000
/** nor, where it is longer than this, beyond the end of a lease: what lapses below is found at once. */
const SHORT_PAUSE_MS = 1_000

/** Longer than whoever writes rows of lower numbers takes for it. */
const SETTLED_MS = 3_000

/** A look for open rows. */
interface Look<Row> {
  /** From a place on; the first row has the lowest. */
  readonly read: (from: number) => Promise<Row[]>
  readonly placeOf: (row: Row) => number
  /** In how many milliseconds the first lease ends of the rows below this place; asked where looks are dear. */
  readonly nextLapse?: ((below: number) => Promise<number | undefined>) | undefined
}

/**
 * Where to look for the first of the rows that are open. A row that is closed leaves an entry in the index of the open ones until VACUUM has removed it, and
 * as long as any transaction in the database is older, VACUUM may not. Somebody's forgotten transaction
 * made each look pass more of them, 10,000 a minute (150 batches/s, November 2026). So it begins where
 * others found the first open row a moment ago, and at the bottom only for a small share of the time.
 */
export function createFloor(elapsedMs: () => number) {
  let floor = BOTTOM
  let candidate: { readonly at: number; readonly place: number } | undefined
  let isLowered = false
  let bottomFrom = elapsedMs()
  /** When the first of the leases ends that were there when that was last asked. */
  let lapseAt = Number.POSITIVE_INFINITY
  /** Those that were given since last for longer than until then. */
  let askFrom = bottomFrom

  /** It rises slowly, and falls at once. */
  function note(place: number): void {
    const at = elapsedMs()
    if (place < floor) floor = place
    if (candidate && place >= candidate.place && at - candidate.at < SETTLED_MS) return
    if (candidate && place >= candidate.place) floor = candidate.place
    candidate = { at, place }
  }

  async function lookFromBottom<Row>({ read, placeOf, nextLapse }: Look<Row>): Promise<Row[]> {
    const beganAt = elapsedMs()
    isLowered = false
    const rows = await read(BOTTOM)
    const endedAt = elapsedMs()
    const pauseMs = Math.min(LONGEST_PAUSE_MS, PAUSE * (endedAt - beganAt))
    if (nextLapse && pauseMs > SHORT_PAUSE_MS && endedAt >= Math.min(askFrom, lapseAt)) {
      const [first] = rows
      const lapseMs = await nextLapse(
        first === undefined ? Number.MAX_SAFE_INTEGER : placeOf(first),
      )
      lapseAt = endedAt + Math.max(SHORT_PAUSE_MS, lapseMs ?? Number.POSITIVE_INFINITY)
      askFrom = endedAt + LONGEST_PAUSE_MS
    }
    bottomFrom = Math.min(endedAt + pauseMs, lapseAt)
    return rows
  }

  return {
    /** Rows of which nobody here could know may be found a moment later. */
    async look<Row>(look: Look<Row>): Promise<Row[]> {
      const isAtBottom = floor === BOTTOM || isLowered || elapsedMs() >= bottomFrom
      const rows = isAtBottom ? await lookFromBottom(look) : await look.read(floor)
      const [first] = rows
      if (first !== undefined) note(look.placeOf(first))
      return rows
    },
    /** Rows that are below may be open again. */
    lower(): void {
      isLowered = true
    },
  }
}

type Floor = ReturnType<typeof createFloor>

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

import type { UnpackedPage } from '../store/store.ts'

/** Whether the handler takes a run of so many events, and bytes, at once. */
export type Opens = (handler: string, events: number, bytes: number) => boolean

/** What a page holds for a handler. */
export interface Share {
  readonly events: number
  readonly bytes: number
}
/** By handler. */
export type Shares = ReadonlyMap<string, Share>

interface Promised extends Share {
  /** Pages whose run has to wait. */
  readonly waiting: number
}
const NOTHING: Promised = { events: 0, bytes: 0, waiting: 0 }

/** Decides which runs are handed out at once, and counts what pages under way are to be handed. */
export class Opening {
  readonly #opens: Opens
  readonly #promised = new Map<string, Promised>()

  constructor(opens: Opens) {
    this.#opens = opens
  }

  /** The handlers that are handed their events of this page at once; until it is released. */
  choose(shares: Shares): ReadonlySet<string> {
    const chosen = new Set<string>()
    for (const [handler, share] of shares) {
      const { events, bytes, waiting } = this.#promised.get(handler) ?? NOTHING
      if (this.isOpen(handler, share)) {
        const sum = { events: events + share.events, bytes: bytes + share.bytes, waiting }
        this.#promised.set(handler, sum)
        chosen.add(handler)
      } else this.#promised.set(handler, { events, bytes, waiting: waiting + 1 })
    }
    return chosen
  }

  /** Once one has to wait, those behind it wait too: they go in order. */
  isOpen(handler: string, { events, bytes }: Share): boolean {
    const before = this.#promised.get(handler) ?? NOTHING
    return (
      before.waiting === 0 && this.#opens(handler, before.events + events, before.bytes + bytes)
    )
  }

  /** The page was handed out, or is not to be. */
  release(shares: Shares, opensFor: ReadonlySet<string>): void {
    for (const [handler, { events, bytes }] of shares) {
      const before = this.#promised.get(handler) ?? NOTHING
      const after = opensFor.has(handler)
        ? { ...before, events: before.events - events, bytes: before.bytes - bytes }
        : { ...before, waiting: before.waiting - 1 }
      if (after.events + after.waiting === 0) this.#promised.delete(handler)
      else this.#promised.set(handler, after)
    }
  }
}

/** What each handler wants of these events. */
export function shareOut(events: UnpackedPage['events']): Shares {
  const shares = new Map<string, { events: number; bytes: number }>()
  for (const { handlers, bytes } of events) {
    for (const handler of handlers) {
      const share = shares.get(handler)
      if (share) {
        share.events++
        share.bytes += bytes
      } else shares.set(handler, { events: 1, bytes })
    }
  }
  return shares
}

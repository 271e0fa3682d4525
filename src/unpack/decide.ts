import type { Provider } from '../providers/provider.ts'
import { parsePayload } from '../providers/read-value.ts'
import type { BackfilledSpan, KnownEvent, KnownKeys } from '../store/store.ts'
import type { DraftEvent } from './draft-page.ts'
import { hashContent, KEY_BYTES, keyOfConflict, writeIdentityKey } from './key.ts'

/** What is new of a page. */
export interface DecidedPage {
  readonly events: readonly DraftEvent[]
  readonly keys: Uint8Array
  readonly duplicates: number
}

type FindKnown = (keys: Uint8Array) => KnownKeys | Promise<KnownKeys>

/**
 * Decides which events are new: in order, each by its key, against what is stored and against those
 * before it. Only where a key is known already is content compared: first the bytes as they are,
 * then without regard to key order, spacing and escapes. Where the stored bytes are gone (retention,
 * erasure), a known key makes a duplicate. An event that a back-fill has put in already is one too.
 */
export async function decide(
  pages: readonly CandidatePage[],
  findKnown: FindKnown,
  backfilled?: BackfilledSpan,
): Promise<readonly DecidedPage[]> {
  const { known, prunedThrough } = await findKnown(joinKeys(pages.map(({ keys }) => keys)))
  const filled = backfilled ? await findFilled(pages, backfilled, findKnown) : NONE_FILLED
  const earlier = new EarlierEvents(pages.reduce((sum, { events }) => sum + events.length, 0))
  const conflicts: Conflict[] = []
  const left = new Set<DraftEvent>()
  let index = 0
  for (const page of pages) {
    for (const draft of page.events) {
      const first = known.get(index++) ?? toKnown(earlier.find(draft))
      if (first === undefined && filled.has(draft)) {
        left.add(draft)
        continue
      }
      if (first === undefined) {
        earlier.add(page, draft)
        if (isStale(draft, prunedThrough)) withhold(draft, 'stale')
        continue
      }
      left.add(draft)
      const candidate = { page, draft }
      if (isOther(candidate, first)) conflicts.push(describeConflict(candidate, first))
    }
  }
  if (left.size === 0) return pages.map(takeAll)
  const found = conflicts.length > 0 ? await decideConflicts(conflicts, findKnown) : NO_CONFLICTS
  return pages.map((page) => takeNew(page, left, found))
}

interface Conflict {
  readonly draft: DraftEvent
  readonly key: Uint8Array
  readonly twin: number
}

const NONE_FILLED: ReadonlySet<DraftEvent> = new Set()

/** Those that are known as a back-fill would have put them in. Only of the times that it was asked for. */
async function findFilled(
  pages: readonly CandidatePage[],
  { from, to }: BackfilledSpan,
  findKnown: FindKnown,
): Promise<ReadonlySet<DraftEvent>> {
  const asked: DraftEvent[] = []
  const keys: Uint8Array[] = []
  for (const { events, provider } of pages) {
    for (const draft of events) {
      const { occurredAt = from - 1, eventId } = draft
      if (occurredAt < from || occurredAt >= to) continue
      const id = provider.backfillId?.(draft)
      if (id === undefined || id === eventId) continue
      const key = new Uint8Array(KEY_BYTES)
      writeIdentityKey(provider, id, key, 0)
      asked.push(draft)
      keys.push(key)
    }
  }
  if (asked.length === 0) return NONE_FILLED
  const { known } = await findKnown(joinKeys(keys))
  return new Set(asked.filter((_, n) => known.has(n)))
}

const NO_CONFLICTS: ReadonlyMap<DraftEvent, Uint8Array> = new Map()

const nameKey = (keys: Uint8Array, at: number): string =>
  Buffer.from(keys.buffer, keys.byteOffset + at, KEY_BYTES).toString('latin1')

const payloadOf = ({ page: { body }, draft: { start, bytes } }: Candidate): Uint8Array =>
  body.subarray(start, start + bytes)

function toKnown(candidate: Candidate | undefined): KnownEvent | undefined {
  return candidate && { event: candidate.draft.event, payload: payloadOf(candidate) }
}

function isStale({ occurredAt }: DraftEvent, prunedThrough: number): boolean {
  return prunedThrough > 0 && occurredAt !== undefined && occurredAt < prunedThrough
}

/** It is stored, and given to no handler. */
function withhold(draft: DraftEvent, verdict: 'stale' | 'conflict'): void {
  draft.verdict = verdict
  draft.handlers = []
}

/** A conflict that is known as such is a duplicate. Answers the others, with their keys. */
async function decideConflicts(
  conflicts: readonly Conflict[],
  findKnown: FindKnown,
): Promise<ReadonlyMap<DraftEvent, Uint8Array>> {
  const { known } = await findKnown(joinKeys(conflicts.map(({ key }) => key)))
  const seen = new Set<string>()
  const found = new Map<DraftEvent, Uint8Array>()
  for (const [n, { draft, key, twin }] of conflicts.entries()) {
    const name = nameKey(key, 0)
    if (known.has(n) || seen.has(name)) continue
    seen.add(name)
    withhold(draft, 'conflict')
    draft.twin = twin
    draft.isIdKey = false
    found.set(draft, key)
  }
  return found
}

const takeAll = ({ events, keys }: CandidatePage): DecidedPage => ({ events, keys, duplicates: 0 })

function takeNew(
  page: CandidatePage,
  left: ReadonlySet<DraftEvent>,
  conflicts: ReadonlyMap<DraftEvent, Uint8Array>,
): DecidedPage {
  const { events } = page
  if (!events.some((draft) => left.has(draft))) return takeAll(page)
  const kept = events.filter((draft) => !left.has(draft) || conflicts.has(draft))
  const keptKeys = kept.map(
    (draft) => conflicts.get(draft) ?? draft.keys.subarray(draft.keyAt, draft.keyAt + KEY_BYTES),
  )
  const joined = joinKeys(keptKeys)
  const moved = kept.map((draft, n) => ({ ...draft, keys: joined, keyAt: n * KEY_BYTES }))
  return { events: moved, keys: joined, duplicates: events.length - kept.length }
}

/** Whether a candidate whose key is known has another content. A key made of content never has. */
function isOther(candidate: Candidate, { payload }: KnownEvent): boolean {
  if (payload === undefined || !candidate.draft.isIdentified) return false
  const own = payloadOf(candidate)
  if (Buffer.compare(own, payload) === 0) return false
  return hashOf(own, candidate.page) !== hashOf(payload, candidate.page)
}

function describeConflict(candidate: Candidate, { event }: KnownEvent): Conflict {
  const { draft } = candidate
  const own = draft.keys.subarray(draft.keyAt, draft.keyAt + KEY_BYTES)
  const key = keyOfConflict(own, hashOf(payloadOf(candidate), candidate.page) ?? '')
  return { draft, key, twin: event }
}

/**
 * An id that did not make the key (inbound) may differ between two copies of one event; an id that
 * did is equal in both. So it is no content. Undefined when the stored bytes cannot be read.
 */
function hashOf(payload: Uint8Array, { provider }: CandidatePage) {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()
  try {
    const event = parsePayload(text)
    const id = event[provider.idField]
    const omitted = typeof id === 'string' ? { key: provider.idField, value: id } : undefined
    return hashContent(event, text, omitted)
  } catch {
    return undefined
  }
}

function joinKeys(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  return parts.length === 1 && only ? only : Buffer.concat(parts)
}

/** Events that were read together, with the body in which their bytes lie. */
interface CandidatePage {
  readonly events: readonly DraftEvent[]
  /** 16 bytes for each of them. */
  readonly keys: Uint8Array
  readonly provider: Provider
  /** As it would be stored. */
  readonly body: Uint8Array
}

/** An event that is decided upon, and the page in which it is. */
interface Candidate {
  readonly page: CandidatePage
  readonly draft: DraftEvent
}

/** A prime near 2^32 divided by the golden ratio: spreads what differs in a few bits only. */
const SPREAD = 0x9e3779b1

/**
 * By their keys, the events that came before in what is read together. No Map by name: a text and an
 * entry for each event were a tenth of what unpacking leaves to be collected.
 */
class EarlierEvents {
  /** One more than an index of `#events`; 0: free. At most half of them are taken. */
  readonly #slots: Uint32Array
  readonly #shift: number
  readonly #events: Candidate[] = []

  /** For so many at the most. */
  constructor(events: number) {
    const bits = 2 + Math.ceil(Math.log2(events + 1))
    this.#slots = new Uint32Array(2 ** bits)
    this.#shift = 32 - bits
  }

  /** The one with the same key, if there was one. */
  find({ keys, keyAt }: DraftEvent): Candidate | undefined {
    return this.#events[(this.#slots[this.#slotOf(keys, keyAt)] as number) - 1]
  }

  /** There must be none with its key. */
  add(page: CandidatePage, draft: DraftEvent): void {
    const index = this.#events.push({ page, draft })
    this.#slots[this.#slotOf(draft.keys, draft.keyAt)] = index
  }

  /** Where the one with this key is, or would be. */
  #slotOf(keys: Uint8Array, at: number): number {
    // Of UUIDs some have the same beginning, by time, and some the same end, by machine.
    const mixed = Math.imul(wordAt(keys, at) ^ wordAt(keys, at + KEY_BYTES - 4), SPREAD)
    let slot = mixed >>> this.#shift
    for (;;) {
      const index = this.#slots[slot] as number
      if (index === 0 || isSame(this.#events[index - 1] as Candidate, keys, at)) return slot
      slot = (slot + 1) % this.#slots.length
    }
  }
}

const wordAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 24) |
  ((bytes[at + 1] as number) << 16) |
  ((bytes[at + 2] as number) << 8) |
  (bytes[at + 3] as number)

function isSame({ draft }: Candidate, keys: Uint8Array, at: number): boolean {
  for (let n = 0; n < KEY_BYTES; n++) {
    if (draft.keys[draft.keyAt + n] !== keys[at + n]) return false
  }
  return true
}

import { createHmac, hash } from 'node:crypto'
import type { HashedBody, Redaction, RedactRules } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import { parsePayload } from '../providers/read-value.ts'
import type { OpenBatch } from '../store/store.ts'
import type { DraftEvent, DraftPage } from './draft-page.ts'
import { parseExactly, writeExactly } from './key.ts'

/** Gives an event without what is not to be kept; undefined when it holds nothing of that. */
type Redact = (
  text: string,
) => { readonly text: string; readonly event: Readonly<Record<string, unknown>> } | undefined

type Change = (holder: Record<string, unknown>, field: string) => void

/** Undefined when everything of this source is kept. */
export function createRedact(
  { key, common, bySource }: Redaction,
  source: string,
): Redact | undefined {
  const rules = Object.hasOwn(bySource, source) ? bySource[source] : common
  if (!rules) return undefined
  const changes = listChanges(rules, key)

  return (text) => {
    // What is no JSON object is form data.
    const copy = text.startsWith('{') ? parseExactly(text) : parsePayload(text)
    let hits = 0
    for (const { path, change } of changes) {
      walk(copy, path, (holder, field) => {
        change(holder, field)
        hits++
      })
    }
    if (hits === 0) return undefined
    const redacted = writeExactly(copy)
    return { text: redacted, event: JSON.parse(redacted) }
  }
}

function listChanges({ drop, hash }: RedactRules, key: string) {
  const dropField: Change = (holder, field) => {
    delete holder[field]
  }
  const hashField: Change = (holder, field) => {
    holder[field] = hashValue(key, holder[field])
  }
  return [
    ...drop.map((path) => ({ path: path.split('.'), change: dropField })),
    ...hash.map((path) => ({ path: path.split('.'), change: hashField })),
  ]
}

function walk(node: unknown, path: readonly string[], change: Change): void {
  if (Array.isArray(node)) {
    for (const element of node) walk(element, path, change)
    return
  }
  const [field, ...rest] = path
  if (typeof node !== 'object' || node === null) return
  if (field === undefined || !Object.hasOwn(node, field)) return
  const holder = node as Record<string, unknown>
  if (rest.length === 0) change(holder, field)
  else walk(holder[field], rest, change)
}

/** Equal addresses get equal hashes, in whatever case they are written; nothing stays nothing. */
function hashValue(key: string, value: unknown): unknown {
  if (value === null || value === '') return value
  if (Array.isArray(value)) return value.map((element) => hashValue(key, element))
  return hashText(key, typeof value === 'string' ? value : JSON.stringify(value))
}

const HASH_CHARACTERS = 32

/** `hashed:` and 32 hex digits of an HMAC: without the key, nobody can try addresses until one fits. */
export function hashText(key: string, text: string): string {
  const normal = text.trim().toLowerCase()
  const digits = createHmac('sha256', key).update(normal).digest('hex')
  return `hashed:${digits.slice(0, HASH_CHARACTERS)}`
}

/** All pages of a batch of whose events not everything is kept, and the body that they then have. */
interface RedactedBatch {
  readonly pages: readonly DraftPage[]
  readonly replacement: HashedBody
}

/** The rules for a source's events; undefined when everything of it is kept. */
export function createRedacting(
  redaction: Redaction | undefined,
  source: string,
  provider: Provider,
): ((batch: OpenBatch, pages: Iterable<DraftPage>) => RedactedBatch) | undefined {
  const redact = redaction && createRedact(redaction, source)
  if (!redact) return undefined

  /** Text and what can be looked up, read again from what is left of an event; undefined: all of it. */
  function redactEvent(draft: DraftEvent, received: Uint8Array) {
    const redacted = redact?.(Buffer.from(received).toString())
    if (!redacted) return undefined
    const { eventId, recipient, messageId } = provider.describe(redacted.event) ?? {}
    const isIdKey = draft.isIdKey && eventId === draft.eventId
    const found = { eventId, isIdKey, recipient: recipient?.toLowerCase(), messageId }
    return { text: redacted.text, found }
  }

  return (batch, pages) => {
    const parts: Uint8Array[] = []
    let size = 0
    const place = (bytes: Uint8Array) => {
      const start = size
      parts.push(bytes, NEWLINE)
      size += bytes.length + NEWLINE.length
      return { start, bytes: bytes.length }
    }
    const moved = Array.from(pages, (page) => ({
      ...page,
      events: page.events.map((draft) => {
        const received = batch.body.subarray(draft.start, draft.start + draft.bytes)
        const redacted = redactEvent(draft, received)
        const kept = place(redacted ? Buffer.from(redacted.text) : received)
        return { ...draft, ...redacted?.found, ...kept }
      }),
      unreadable: page.unreadable.map((piece) => ({
        ...piece,
        ...place(batch.body.subarray(piece.start, piece.start + piece.bytes)),
      })),
    }))
    const body = Buffer.concat(parts)
    return { pages: moved, replacement: { body, sha256: hash('sha256', body) } }
  }
}

const NEWLINE = Buffer.from('\n')

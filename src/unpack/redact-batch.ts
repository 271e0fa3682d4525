import { hash } from 'node:crypto'
import type { Redaction } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import type { OpenBatch } from '../store/store.ts'
import type { DraftEvent, DraftPage } from './draft-page.ts'
import { createRedact } from './redact.ts'

/** All pages of a batch of whose events not everything is kept, and the body that they then have. */
export interface RedactedBatch {
  readonly pages: readonly DraftPage[]
  readonly replacement: { readonly body: Uint8Array; readonly sha256: string }
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

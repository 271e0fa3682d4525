import { hash } from 'node:crypto'
import type { Redaction } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import type { OpenBatch } from '../store/store.ts'
import type { DraftEvent, DraftPage } from './read-batch.ts'
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

  /** The text of an event and what can be looked up, read again from what is left. */
  function redactEvent(draft: DraftEvent): Pick<DraftEvent, 'text'> & Partial<DraftEvent> {
    const redacted = redact?.(draft.text, draft.content)
    if (!redacted) return { text: draft.text }
    const { eventId, recipient, messageId } = provider.describe(redacted.event) ?? {}
    const isIdKey = draft.isIdKey && eventId === draft.eventId
    return {
      text: redacted.text,
      eventId,
      isIdKey,
      recipient: recipient?.toLowerCase(),
      messageId,
    }
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
        const { text, ...found } = redactEvent(draft)
        return { ...draft, ...found, ...place(Buffer.from(text)) }
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

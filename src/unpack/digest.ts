import { hash } from 'node:crypto'
import { canonicalText, type Member } from './canonical-text.ts'

const DIGEST_CHARACTERS = 12

/**
 * SHA-256 of an event's content, base64url: the same for any key order, spacing and escapes.
 * `text` is what `event` was parsed from; `omitted` is a top-level member that is no content.
 */
export function hashContent(
  event: Readonly<Record<string, unknown>>,
  text: string,
  omitted?: Member,
): string {
  return hash('sha256', canonicalText(event, text, omitted), 'base64url')
}

/** What is kept of a content hash, to tell a conflict from a duplicate. */
export function digestOf(contentHash: string): string {
  return contentHash.slice(0, DIGEST_CHARACTERS)
}

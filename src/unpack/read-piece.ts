import { isUtf8 } from 'node:buffer'
import type { EventFacts, QuarantineReason } from '../model.ts'
import { describeNameless, type Provider } from '../providers/provider.ts'
import { isObject, parsePayload } from '../providers/read-value.ts'
import { MAX_PIECES } from '../store/event-id.ts'
import { CLOSE_BRACE, OPEN_BRACE } from './scan-bytes.ts'

/** Where in the body a piece lies: from `start` to just before `end`. */
export interface Piece {
  readonly start: number
  readonly end: number
  /** How deep its brackets nest; 0 without brackets. */
  readonly depth: number
  readonly form: 'json' | 'urlencoded'
  /** Set when the piece is a whole body in which nothing could be read. */
  readonly failure: QuarantineReason | undefined
  /** It is an element of a list of events: an object there is an event, whether it has a name or not. */
  readonly isMember: boolean
}

/** An event, or why a piece is none. */
export type PieceReading =
  | {
      readonly isEvent: true
      readonly text: string
      readonly event: Readonly<Record<string, unknown>>
      readonly facts: EventFacts
    }
  | { readonly isEvent: false; readonly reason: QuarantineReason }

const MAX_DEPTH = 64
/** With what a JSON value other than an object can begin. */
const FIRST_BYTES = Buffer.from('["-0123456789tfn')

/**
 * Reads the pieces of one body. A class, as are all that come and go with a batch or page: V8 throws the
 * compiled code of a closure away when the last one of its kind is collected, and compiles it anew.
 */
export class PieceReader {
  readonly #bytes: Buffer
  readonly #provider: Provider
  readonly #isBodyUtf8: boolean

  constructor(body: Uint8Array, provider: Provider) {
    this.#bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.#provider = provider
    this.#isBodyUtf8 = isUtf8(this.#bytes)
  }

  /** Never throws for what a piece holds. */
  read(piece: Piece): PieceReading {
    const bytes = this.#bytes
    const provider = this.#provider
    const { start, end } = piece
    if (piece.failure !== undefined) return refuse(piece.failure)
    if (!this.#isBodyUtf8 && !isUtf8(bytes.subarray(start, end))) return refuse('invalid_utf8')
    if (piece.depth > MAX_DEPTH) return refuse('too_deep')
    if (piece.form === 'json' && isHopeless(bytes, start, end)) return refuse('invalid_json')
    const text = bytes.toString('utf8', start, end)
    const event = piece.form === 'json' ? parseJson(text) : parsePayload(text)
    if (event === undefined) return refuse('invalid_json')
    if (!isObject(event)) return refuse('not_an_object')
    const facts =
      provider.describe(event) ?? (piece.isMember ? describeNameless(provider, event) : undefined)
    return facts ? { isEvent: true, text, event, facts } : refuse('no_event_name')
  }

  /** Whether an object with this text member alone would be an event. */
  isEventName(key: string, value: string): boolean {
    return this.#provider.describe({ [key]: value }) !== undefined
  }
}

/** Texts for people; they hold nothing of what was received. */
export const REFUSAL_DETAILS: Readonly<Record<QuarantineReason, string>> = {
  invalid_json: 'It is not valid JSON.',
  invalid_utf8: 'Its bytes are not valid UTF-8.',
  not_an_object: 'It is valid JSON, but no object.',
  no_event_name: 'It is an object without the text that names an event.',
  no_events: 'The body is readable, but holds no events.',
  too_deep: `Its brackets nest more than ${MAX_DEPTH} deep.`,
  too_many: `It lies behind the first ${MAX_PIECES} pieces of its batch.`,
  corrupt: 'It cannot be stored or read as it is.',
}

function refuse(reason: QuarantineReason): PieceReading {
  return { isEvent: false, reason }
}

/** A throw of JSON.parse takes 7 µs, so the commonest kinds of rubbish are kept from it. */
function isHopeless(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start] as number
  if (first === OPEN_BRACE) return bytes[end - 1] !== CLOSE_BRACE
  return !FIRST_BYTES.includes(first)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A body to be signed and sent. */
export interface OutgoingBatch {
  readonly body: Buffer
  readonly contentType: string
  /** Undefined when nobody counted: a file is sent without a look into it. */
  readonly events: number | undefined
}

/** `json` is the envelope `{"events":[…]}`, `object` one event alone. */
export type BodyFormat = 'json' | 'jsonl' | 'array' | 'object'

export const JSON_TYPE = 'application/json'
export const LINES_TYPE = 'application/jsonl'

/** The texts of events as one body. */
export function packBatch(events: readonly string[], format: BodyFormat): OutgoingBatch {
  const bodies: Readonly<Record<BodyFormat, () => string>> = {
    json: () => `{"events":[${events.join(',')}]}`,
    array: () => `[${events.join(',')}]`,
    jsonl: () => events.map((event) => `${event}\n`).join(''),
    object: () => events.join('\n'),
  }
  return {
    body: Buffer.from(bodies[format]()),
    contentType: format === 'jsonl' ? LINES_TYPE : JSON_TYPE,
    events: events.length,
  }
}

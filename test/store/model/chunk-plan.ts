import fc from 'fast-check'
import type { UnpackedChunk } from '../../../src/store/store.ts'
import { sampleEvent, sampleUnreadable } from '../sample-rows.ts'

/** What a chunk holds. Few ids, contents and times, so that they meet again. */
export interface ChunkPlan {
  readonly events: readonly {
    readonly id: number
    readonly content: number
    readonly type: string
    readonly occurredAt: number | undefined
    readonly handlers: readonly string[]
  }[]
  /** How many pieces each unreadable run has. */
  readonly unreadable: readonly number[]
  readonly isLast: boolean
  /** True: somebody else has unpacked more meanwhile. */
  readonly isLate: boolean
}

export const chunkPlan: fc.Arbitrary<ChunkPlan> = fc.record({
  events: fc.array(
    fc.record({
      id: fc.nat(11),
      content: fc.constantFrom(0, 0, 0, 1, 2),
      type: fc.constantFrom('open', 'click', 'bounce'),
      occurredAt: fc.constantFrom(undefined, 500, 1_500, 2_500, 3_500, 4_500),
      handlers: fc.subarray(['counter', 'other']),
    }),
    { maxLength: 6 },
  ),
  unreadable: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
  isLast: fc.boolean(),
  isLate: fc.constantFrom(false, false, false, false, true),
})

export function makeChunk(batch: string, unpackedPieces: number, plan: ChunkPlan): UnpackedChunk {
  const fromPiece = unpackedPieces + (plan.isLate ? 1 : 0)
  const events = plan.events.map(({ id, content, ...rest }, index) =>
    sampleEvent({
      ...rest,
      eventId: `event-${id}`,
      digest: `content-${content}---`,
      position: fromPiece + index,
      messageId: `message-${id}`,
      payload: `{"event":"${rest.type}","event_id":"event-${id}","content":${content}}`,
    }),
  )
  const unreadable = plan.unreadable.map((pieces, index) =>
    sampleUnreadable({ pieces, position: fromPiece + events.length + index }),
  )
  // At least one piece: a chunk of none may be stored twice.
  const toPiece =
    fromPiece + Math.max(1, events.length) + plan.unreadable.reduce((a, b) => a + b, 0)
  return { batch, fromPiece, toPiece, events, unreadable, isLast: plan.isLast }
}

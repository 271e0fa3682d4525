/**
 * The number of an event is made of its batch's number and its position in it. So neither needs a
 * column, nobody has to hand out numbers, and the order of numbers is the order of arrival.
 */
const POSITIONS = 2 ** 20

/** Pieces from this index on have no number: they are quarantined together. */
export const MAX_PIECES = POSITIONS

/** `batch` below 2^33, `position` below 2^20. */
export const eventIdOf = (batch: number, position: number): number => batch * POSITIONS + position

/** Not by shifting: that would cut it to 32 bits. */
export const batchOf = (event: number): number => Math.floor(event / POSITIONS)

export const positionOf = (event: number): number => event % POSITIONS

/**
 * PostgreSQL's look-up indexes are cut into buckets of neighbouring batches, of 32; but those with few
 * events each have buckets of their own, of 4,096, whose numbers are below 0. A look-up probes each
 * bucket: ten million batches of one event would have 300,000 of the others.
 */
export const BUCKET_BITS = { many: 25, few: 32 } as const
export const FEW_EVENTS = 16

export const bucketOf = (event: number, size: keyof typeof BUCKET_BITS): number => {
  const place = Math.floor(event / 2 ** BUCKET_BITS[size])
  return size === 'many' ? place : -1 - place
}

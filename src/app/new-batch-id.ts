import { randomUUID } from 'node:crypto'

/** A UUID of version 7: its first 48 bits are the time, so that ids sort by it. */
export function newBatchId(now: number): string {
  const time = now.toString(16).padStart(12, '0')
  // What follows the digit of the version is the same in version 4, which Node makes from a stock.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

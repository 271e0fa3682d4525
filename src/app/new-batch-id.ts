import { randomFillSync } from 'node:crypto'

/** A UUID of version 7: its first 48 bits are the time, so that ids sort by it. */
export function newBatchId(now: number, fill: (bytes: Buffer) => Buffer = randomFillSync): string {
  const bytes = fill(Buffer.alloc(16))
  bytes.writeUIntBE(now, 0, 6)
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  const hex = bytes.toString('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-')
}

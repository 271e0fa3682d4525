/**
 * Lists as PostgreSQL takes them in binary form: a text form would have every element escaped here
 * and unescaped there, which costs more than all else that is done with it.
 */
const OID = { bytea: 17, int8: 20, int4: 23, text: 25 } as const

/** One dimension: how many, whether there are nulls, the type; how many, from which index. */
const HEADER_BYTES = 20

type Kind = keyof typeof OID

function startArray(kind: Kind, count: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + bytes)
  buffer.writeInt32BE(1, 0)
  // Whether there are nulls is only a hint, and 1 is never wrong.
  buffer.writeInt32BE(1, 4)
  buffer.writeInt32BE(OID[kind], 8)
  buffer.writeInt32BE(count, 12)
  buffer.writeInt32BE(1, 16)
  return buffer
}

/** Numbers beyond 32 bits, as far as they are safe integers. */
export function int8Array(numbers: readonly (number | null | undefined)[]): Buffer {
  const buffer = startArray('int8', numbers.length, numbers.length * 12)
  let at = HEADER_BYTES
  for (const number of numbers) {
    if (number === null || number === undefined) {
      at = buffer.writeInt32BE(-1, at)
      continue
    }
    at = buffer.writeInt32BE(8, at)
    at = buffer.writeInt32BE(Math.floor(number / 0x1_0000_0000), at)
    at = buffer.writeUInt32BE(number >>> 0, at)
  }
  return buffer.subarray(0, at)
}

export function int4Array(numbers: readonly number[]): Buffer {
  const buffer = startArray('int4', numbers.length, numbers.length * 8)
  let at = HEADER_BYTES
  for (const number of numbers) {
    at = buffer.writeInt32BE(4, at)
    at = buffer.writeInt32BE(number, at)
  }
  return buffer
}

export function textArray(texts: readonly (string | null | undefined)[]): Buffer {
  let most = 0
  // No character takes more than three bytes for each of its UTF-16 units.
  for (const text of texts) most += 4 + 3 * (text?.length ?? 0)
  const buffer = startArray('text', texts.length, most)
  let at = HEADER_BYTES
  for (const text of texts) {
    const isNull = text === null || text === undefined
    const bytes = isNull ? -1 : buffer.write(text, at + 4, 'utf8')
    buffer.writeInt32BE(bytes, at)
    at += 4 + Math.max(0, bytes)
  }
  return buffer.subarray(0, at)
}

/** What somebody else wrote: no text of PostgreSQL's holds a NUL. The event's bytes have it. */
export const givenTexts = (texts: readonly (string | undefined)[]): Buffer =>
  textArray(texts.map((text) => (text === undefined ? undefined : withoutNul(text))))

export const withoutNul = (text: string): string =>
  text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text

export function byteaArray(values: readonly (Uint8Array | null | undefined)[]): Buffer {
  const bytes = values.reduce((sum, value) => sum + 4 + (value?.byteLength ?? 0), 0)
  const buffer = startArray('bytea', values.length, bytes)
  let at = HEADER_BYTES
  for (const value of values) {
    at = buffer.writeInt32BE(value ? value.byteLength : -1, at)
    if (!value) continue
    buffer.set(value, at)
    at += value.byteLength
  }
  return buffer
}

/** Keys that lie one behind the other. */
export function keyArray(keys: Uint8Array, keyBytes = 16): Buffer {
  const count = keys.byteLength / keyBytes
  const buffer = startArray('bytea', count, count * (4 + keyBytes))
  for (let n = 0, at = HEADER_BYTES; n < count; n++) {
    at = buffer.writeInt32BE(keyBytes, at)
    buffer.set(keys.subarray(n * keyBytes, (n + 1) * keyBytes), at)
    at += keyBytes
  }
  return buffer
}

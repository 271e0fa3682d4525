/**
 * Lists as PostgreSQL takes them in binary form: a text form would have every element escaped here
 * and unescaped there, which costs more than all else that is done with it.
 */
const OIDS = { bigint: 20, integer: 23, text: 25, bytea: 17, uuid: 2950 } as const

/** A type of columns, as PostgreSQL names it. */
export type ColumnType = keyof typeof OIDS
type Value = number | string | Uint8Array | null | undefined

/** One dimension: how many, whether there are nulls, the type; how many, from which index. */
const HEADER_BYTES = 20

/** At most; no character takes more than three bytes for each of its UTF-16 units. */
const BYTES = {
  bigint: () => 8,
  integer: () => 4,
  text: (value: string) => 3 * value.length,
  bytea: (value: Uint8Array) => value.byteLength,
  uuid: () => 16,
}

/** Each answers how many bytes it wrote. */
const WRITE = {
  /** As far as they are safe integers. */
  bigint(buffer: Buffer, value: number, at: number): number {
    buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), at)
    buffer.writeUInt32BE(value >>> 0, at + 4)
    return 8
  },
  integer(buffer: Buffer, value: number, at: number): number {
    buffer.writeInt32BE(value, at)
    return 4
  },
  text: (buffer: Buffer, value: string, at: number): number => buffer.write(value, at, 'utf8'),
  bytea: writeBytes,
  uuid: writeBytes,
}

function writeBytes(buffer: Buffer, value: Uint8Array, at: number): number {
  buffer.set(value, at)
  return value.byteLength
}

/** A list of values of a type, for a parameter `$n::<type>[]`. */
export function listOf(type: ColumnType, values: readonly Value[]): Buffer {
  const sizeOf = BYTES[type] as (value: Value) => number
  const write = WRITE[type] as (buffer: Buffer, value: Value, at: number) => number
  let most = HEADER_BYTES
  // By index: of lists of several kinds V8 makes an object for each step of an iterator.
  for (let n = 0; n < values.length; n++) {
    const value = values[n]
    most += value === null || value === undefined ? 4 : 4 + sizeOf(value)
  }
  const buffer = Buffer.allocUnsafe(most)
  buffer.writeInt32BE(1, 0)
  // Whether there are nulls is only a hint, and 1 is never wrong.
  buffer.writeInt32BE(1, 4)
  buffer.writeInt32BE(OIDS[type], 8)
  buffer.writeInt32BE(values.length, 12)
  buffer.writeInt32BE(1, 16)
  let at = HEADER_BYTES
  for (let n = 0; n < values.length; n++) {
    const value = values[n]
    const isNull = value === null || value === undefined
    const bytes = isNull ? -1 : write(buffer, value, at + 4)
    buffer.writeInt32BE(bytes, at)
    at += 4 + Math.max(0, bytes)
  }
  return buffer.subarray(0, at)
}

const KEY_BYTES = 16

/** Keys that lie one behind the other, each by itself. */
export const splitKeys = (keys: Uint8Array): Uint8Array[] =>
  Array.from({ length: keys.byteLength / KEY_BYTES }, (_, n) => keyAt(keys, n))

export const keyAt = (keys: Uint8Array, n: number): Uint8Array =>
  keys.subarray(n * KEY_BYTES, (n + 1) * KEY_BYTES)

/** By name of a column: its type, and its value in a row. */
type Columns<Row> = Readonly<Record<string, readonly [ColumnType, (row: Row) => Value]>>

/**
 * Rows that are sent together, a list for each column. `select` is what they are in SQL, with the
 * parameters from `$1` on; `lists` makes these. Lists that are taken apart side by side cost half of
 * what `FROM unnest(…)` does, which stores each before it joins them.
 */
export function sendingRows<Row>(columns: Columns<Row>) {
  const all = Object.entries(columns)
  const lists = all.map(([name, [type]], n) => `unnest($${n + 1}::${type}[]) AS ${name}`)
  return {
    names: Object.keys(columns).join(', '),
    select: `SELECT ${lists.join(', ')}`,
    lists: (rows: readonly Row[]): Buffer[] =>
      all.map(([, [type, read]]) => listOf(type, rows.map(read))),
  }
}

/** Of what somebody else wrote: no text of PostgreSQL's holds a NUL. The event's bytes have it. */
export const withoutNul = (text: string): string =>
  text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text

export const given = (text: string | undefined): string | undefined => text && withoutNul(text)

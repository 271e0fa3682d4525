/** A number from 0 up to, not including, 1. */
export type Random = () => number

/** Pseudo-random numbers: the same seed gives the same sequence. Mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A UUID of version 4 by its form. */
export function randomUuid(random: Random): string {
  const hex = (digits: number) =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  const variant = '89ab'.charAt(Math.floor(random() * 4))
  return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(8)}${hex(4)}`
}

export function pickFrom<const Items extends readonly [unknown, ...unknown[]]>(
  items: Items,
  random: Random,
): Items[number] {
  return items[Math.floor(random() * items.length)]
}

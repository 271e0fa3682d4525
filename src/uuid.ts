const DASHES: ReadonlySet<number> = new Set([8, 13, 18, 23])
const DASH = 0x2d
/** Values of lower-case hex digits; -1 for every other character. */
const HEX = Int8Array.from({ length: 128 }, (_, code) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(code)),
)

/**
 * Writes the 16 bytes of a UUID. False, with any bytes written, for what is no UUID as most programs
 * write it, in lower case: another spelling is another id. By hand: this runs for every event, and a
 * regular expression and slices take ten times as long.
 */
export function writeUuid(text: string, into: Uint8Array, at: number): boolean {
  if (text.length !== 36) return false
  let next = at
  let index = 0
  while (index < 36) {
    if (DASHES.has(index)) {
      if (text.charCodeAt(index) !== DASH) return false
      index++
    }
    const high = HEX[text.charCodeAt(index)] ?? -1
    const low = HEX[text.charCodeAt(index + 1)] ?? -1
    if (high < 0 || low < 0) return false
    into[next++] = (high << 4) | low
    index += 2
  }
  return true
}

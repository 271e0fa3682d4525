// @ts-check
const BYTES_PER_LINE = 16

/** Bytes as lines of offset, hex and text; what is no printable ASCII is a dot. @param {Uint8Array} bytes */
export function hexLines(bytes) {
  const lines = []
  for (let start = 0; start < bytes.length; start += BYTES_PER_LINE) {
    const row = [...bytes.subarray(start, start + BYTES_PER_LINE)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.'))
    lines.push(
      `${start.toString(16).padStart(8, '0')}  ${hex.padEnd(3 * BYTES_PER_LINE)} ${text.join('')}`,
    )
  }
  return lines
}

const BYTES_PER_LINE = 16

/** Bytes as hex and text side by side; `from` is the offset of the first of them. */
export function hexDump(bytes: Uint8Array, from = 0): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += BYTES_PER_LINE) {
    const part = [...bytes.subarray(at, at + BYTES_PER_LINE)]
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0'))
    const halves = `${hex.slice(0, 8).join(' ')}  ${hex.slice(8).join(' ')}`
    lines.push(
      `${(from + at).toString(16).padStart(8, '0')}  ${halves.padEnd(49)} ${asText(part)}\n`,
    )
  }
  return lines.join('')
}

function asText(bytes: readonly number[]): string {
  const shown = bytes.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'))
  return `|${shown.join('')}|`
}

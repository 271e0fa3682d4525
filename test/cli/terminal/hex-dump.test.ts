import { describe, expect, it } from 'vitest'
import { hexDump } from '../../../src/admin/api/in-words.ts'

describe('hexDump', () => {
  it('shows sixteen bytes a line, with their offset and what is readable of them', () => {
    expect(hexDump(Buffer.from('{"event":"open"}\x00\xff', 'latin1'))).toBe(
      '00000000  7b 22 65 76 65 6e 74 22  3a 22 6f 70 65 6e 22 7d  |{"event":"open"}|\n' +
        '00000010  00 ff                                             |..|\n',
    )
  })

  it('shows nothing of nothing', () => {
    expect(hexDump(new Uint8Array())).toBe('')
  })
})

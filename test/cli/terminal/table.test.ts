import { describe, expect, it } from 'vitest'
import { type Column, createTable } from '../../../src/cli/table.ts'
import type { Paint } from '../../../src/cli/terminal.ts'

interface Row {
  readonly name: string
  readonly count: number
}

const columns: readonly Column<Row>[] = [
  { title: 'NAME', text: (row) => row.name, mayShrink: true },
  { title: 'COUNT', text: (row) => String(row.count), isFigure: true },
]

describe('createTable', () => {
  it('aligns texts to the left and figures to the right', () => {
    const text = createTable(columns)([
      { name: 'a', count: 5 },
      { name: 'longer', count: 1_234_567 },
    ])
    expect(text).toBe('NAME      COUNT\na             5\nlonger  1234567\n')
  })

  it('counts what a terminal shows, not characters', () => {
    const text = createTable(columns)([
      { name: '東京', count: 1 },
      { name: 'e\u0301tude', count: 2 },
    ])
    expect(text.split('\n').slice(0, 3)).toEqual([
      'NAME   COUNT',
      '東京       1',
      'e\u0301tude      2',
    ])
  })

  it('cuts a column that may shrink until the line fits', () => {
    const text = createTable(columns, { width: 20 })([{ name: 'x'.repeat(50), count: 1 }])
    expect(text.split('\n')[1]).toBe(`${'x'.repeat(12)}…      1`)
    expect(text.split('\n')[1]).toHaveLength(20)
  })

  it('cuts last what says so, and never below what one can read', () => {
    const both: readonly Column<Row>[] = [
      { title: 'TYPE', text: (row) => row.name, mayShrink: 'last' },
      { title: 'NAME', text: (row) => row.name, mayShrink: true },
    ]
    const row = { name: 'x'.repeat(20), count: 1 }
    const cut = (width: number) => createTable(both, { width })([row]).split('\n')[1]
    expect(cut(34)).toBe(`${'x'.repeat(20)}  ${'x'.repeat(11)}…`)
    expect(cut(28)).toBe(`${'x'.repeat(17)}…  ${'x'.repeat(7)}…`)
    expect(cut(1)).toBe(`${'x'.repeat(7)}…  ${'x'.repeat(7)}…`)
  })

  it('cuts nothing on a terminal that does not know its width', () => {
    const text = createTable(columns, { width: 0 })([{ name: 'x'.repeat(50), count: 1 }])
    expect(text).toContain('x'.repeat(50))
  })

  it('cuts nothing when nobody looks', () => {
    const text = createTable(columns)([{ name: 'x'.repeat(500), count: 1 }])
    expect(text).toContain('x'.repeat(500))
  })

  it('writes what could command a terminal as escapes', () => {
    const text = createTable(columns)([{ name: 'a\x1b[2Jb\nc\u202ed', count: 1 }])
    expect(text).toContain('a\\x1b[2Jb\\nc\\u{202e}d')
    expect(text).not.toContain('\x1b')
    expect(text.split('\n')).toHaveLength(3)
  })

  it('shows its titles once and keeps its widths for later rows', () => {
    const format = createTable(columns)
    const first = format([{ name: 'abcdef', count: 1 }])
    const second = format([{ name: 'x', count: 2 }])
    expect(first.split('\n')[0]).toBe('NAME    COUNT')
    expect(second).toBe('x           2\n')
  })

  it('paints cells without changing their width', () => {
    const paint: Paint = (colour, text) => `<${colour}>${text}</>`
    const painted: readonly Column<Row>[] = [
      { title: 'NAME', text: (row) => row.name, colour: () => 'red' },
      { title: 'COUNT', text: (row) => String(row.count), isFigure: true },
    ]
    const text = createTable(painted, { paint })([{ name: 'a', count: 1 }])
    expect(text).toBe('<dim>NAME</>  <dim>COUNT</>\n<red>a   </>      1\n')
  })
})

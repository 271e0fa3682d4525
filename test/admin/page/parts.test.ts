import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  count,
  cut,
  fromLocalInput,
  isWebLink,
  showAge,
  showAgo,
  showBytes,
  showDuration,
  showUntil,
  splitError,
  toLocalInput,
} from '../../../src/admin/page/format.ts'
import { compareFields, indentJson } from '../../../src/admin/page/indent-json.ts'
import { readRoute, writeRoute } from '../../../src/admin/page/route.ts'
import { evenTop, joinRare, niceTop, rank, stackBars } from '../../../src/admin/page/series.ts'

describe('two contents of one event id', () => {
  it('are told apart field by field, also inside of objects', () => {
    const first = '{"event":"bounce","code":550,"of":{"a":1,"b":[1,2]},"gone":null}'
    const other = '{"event":"bounce","code":551,"of":{"a":1,"b":[1,3]},"new":"x"}'
    expect(compareFields(first, other)).toEqual([
      ['code', '550', '551'],
      ['of.b', '[1,2]', '[1,3]'],
      ['gone', 'null', null],
      ['new', null, '"x"'],
    ])
  })
  it('are not, where one is no object', () => {
    expect(compareFields('{"a":1}', 'null')).toBeUndefined()
    expect(compareFields('{"a":', '{}')).toBeUndefined()
  })
})

describe('figures', () => {
  it.each([
    [showAge(5), '5 s'],
    [showUntil('2026-11-21T10:00:00Z', Date.UTC(2026, 10, 21, 9, 30)), 'in 30 min'],
    [showUntil('2026-11-21T09:30:00Z', Date.UTC(2026, 10, 21, 9, 30)), 'now'],
    [showAge(600), '10 min'],
    [showAge(7_200), '2 h'],
    [showAge(864_000), '10 days'],
    [showDuration(null), '–'],
    [showDuration(0.26), '0.3 ms'],
    [showDuration(1_234), '1,234 ms'],
    [showDuration(65_000), '65 s'],
    [showBytes(1), '1 byte'],
    [showBytes(64_000), '64 kB'],
    [count(1, 'job'), '1 job'],
    [count(2_000, 'job'), '2,000 jobs'],
    [cut('x'.repeat(500), 3), 'xxx…'],
    [cut('\u202Eetirw'), '‹U+202E›etirw'],
    [cut('a\u0000b\tc 👩‍💻'), 'a‹U+0000›b\tc 👩‍💻'],
    [showAgo(null, 0), 'never'],
    [showAgo('1970-01-01T00:00:00Z', 1_000), 'just now'],
    [showAgo('1970-01-01T00:00:00Z', 60_000), '60 s ago'],
  ])('read as people say them: %s', (shown, wanted) => expect(shown).toBe(wanted))

  it('of a time come back from the input field, to the minute', () => {
    const instant = '2026-11-21T09:30:00.000Z'
    expect(fromLocalInput(toLocalInput(instant))).toBe(instant)
    expect(toLocalInput('nonsense')).toBe('')
    expect(fromLocalInput('')).toBe('')
  })
})

describe('links', () => {
  it.each(['https://example.com/a?b=1', 'HTTP://example.com'])('are allowed to %s', (text) =>
    expect(isWebLink(text)).toBe(true),
  )
  it.each([
    'javascript:alert(1)',
    ' https://example.com',
    'https://',
    'https:\\\\example.com',
    'data:text/html,x',
    'ftp://example.com',
    'https://example.com/"onclick="x',
    '//example.com',
  ])('are refused to %s', (text) => expect(isWebLink(text)).toBe(false))
})

describe('JSON laid out', () => {
  const layOut = (text: string) =>
    indentJson(text)
      .map((token) => token.text)
      .join('')

  it('keeps every digit and every escape', () => {
    expect(layOut('{"n":12345678901234567890,"t":"\\u00e9\\n","e":[],"o":{"x":[1,2]}}')).toBe(
      [
        '{',
        '  "n": 12345678901234567890,',
        '  "t": "\\u00e9\\n",',
        '  "e": [],',
        '  "o": {',
        '    "x": [',
        '      1,',
        '      2',
        '    ]',
        '  }',
        '}',
      ].join('\n'),
    )
  })
  it('says the same as the text did', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        expect(JSON.parse(layOut(text))).toEqual(JSON.parse(text))
      }),
    )
  })
  it('tells keys from texts, and survives what is no JSON', () => {
    expect(indentJson('{"a":"b"}').filter(({ kind }) => kind === 'key')).toMatchObject([
      { text: '"a"' },
    ])
    expect(layOut('not {json')).toContain('json')
    expect(layOut(']]]]')).not.toContain('undefined')
    expect(layOut('"open')).toContain('open')
  })
  it('is quick with a long text of quotes that never close', () => {
    const before = process.cpuUsage()
    layOut('"\\'.repeat(100_000))
    layOut('['.repeat(100_000))
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(5_000)
  })
})

describe('an error', () => {
  const text = [
    'Error: the list service said no',
    '    at keep (/srv/app/lists.ts:4:9)',
    '    at async bounce (/srv/app/handlers/suppress.ts:12:5)',
    '    at run (/srv/receiver/dist/dispatch/host/handler-host.js:80:3)',
    '    at run (/srv/receiver/dist/0123456789abcdef/chunk-AB.mjs:1:3)',
    'Caused by: TypeError: fetch failed',
    '    at fetch (/srv/app/node_modules/undici/index.js:1:1)',
    '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
  ].join('\n')

  it('is its texts and the frames of the handler, apart from those of others', () => {
    const { own, foreign } = splitError(text)
    expect(own.split('\n')).toEqual([
      'Error: the list service said no',
      '    at keep (/srv/app/lists.ts:4:9)',
      '    at async bounce (/srv/app/handlers/suppress.ts:12:5)',
      'Caused by: TypeError: fetch failed',
    ])
    expect(foreign).toHaveLength(4)
  })
  it('stays whole where it is no stack', () => {
    expect(splitError('timeout after 30000 ms')).toEqual({
      own: 'timeout after 30000 ms',
      foreign: [],
    })
  })
})

describe('an address within the page', () => {
  it('comes back as it was written, whatever is in it', () => {
    const text = fc.string({ minLength: 1, unit: 'grapheme' })
    fc.assert(
      fc.property(text, text, (id, recipient) => {
        const { view, rest, query } = readRoute(writeRoute(['events', id], { recipient, type: '' }))
        expect([view, ...rest]).toEqual(['events', id])
        expect([...query]).toEqual([['recipient', recipient]])
      }),
    )
  })
  it('is the overview without anything, and survives a broken one', () => {
    expect(readRoute('')).toMatchObject({ view: 'overview', rest: [] })
    expect(readRoute('#/events/%zz')).toMatchObject({ view: 'events', rest: ['%zz'] })
  })
})

describe('bars', () => {
  const series = (type: string, ...counts: number[]) => ({
    type,
    counts,
    total: counts.reduce((sum, n) => sum + n, 0),
  })
  it('stand one upon the other, without those of nothing', () => {
    expect(stackBars([series('open', 2, 0), series('bounce', 1, 3)], 2)).toEqual([
      [
        { type: 'open', from: 0, to: 2 },
        { type: 'bounce', from: 2, to: 3 },
      ],
      [{ type: 'bounce', from: 0, to: 3 }],
    ])
    expect(stackBars([], 2)).toEqual([[], []])
  })
  it('join rare types into one', () => {
    const all = [series('a', 5, 5), series('b', 2, 1), series('c', 1, 0), series('d', 0, 1)]
    expect(joinRare(all, 3)).toEqual([all[0], all[1], series('other types', 1, 1)])
    expect(joinRare(all, 4)).toBe(all)
  })
  it.each([
    [0, 1],
    [1, 1],
    [3, 5],
    [11, 20],
    [999, 1_000],
    [0.3, 0.5],
  ])('of at most %d stand under %d', (highest, top) => expect(niceTop(highest)).toBeCloseTo(top))
  it.each([
    [0, 2],
    [1, 2],
    [5, 6],
    [17, 20],
    [43, 50],
  ])('have an axis without halves: of at most %d under %d', (highest, top) =>
    expect(evenTop(highest)).toBe(top),
  )
  it('are ranked by their length', () => {
    expect(rank({ a: 1, b: 4, c: 0 })).toEqual([
      { name: 'b', count: 4, share: 1 },
      { name: 'a', count: 1, share: 0.25 },
    ])
  })
})

import type { SeriesJson } from '../api/overview.ts'

export type Series = SeriesJson['types'][number]

/** A part of a bar. */
export interface Segment {
  readonly type: string
  readonly from: number
  readonly to: number
}

const REST = 'other types'

/** The largest few, and one more for all the others. */
export function joinRare(types: readonly Series[], most: number): readonly Series[] {
  if (types.length <= most) return types
  const rare = types.slice(most - 1)
  const counts = rare[0]?.counts.map((_, index) => sum(rare.map((one) => one.counts[index] ?? 0)))
  const rest = { type: REST, total: sum(rare.map(({ total }) => total)), counts: counts ?? [] }
  return [...types.slice(0, most - 1), rest]
}

/** For every bucket its segments, one upon the other. */
export function stackBars(types: readonly Series[], buckets: number): Segment[][] {
  return Array.from({ length: buckets }, (_, index) => {
    let top = 0
    return types.flatMap(({ type, counts }) => {
      const from = top
      top += counts[index] ?? 0
      return top > from ? [{ type, from, to: top }] : []
    })
  })
}

/** The first of 1, 2, 5, 10, … that nothing exceeds. */
export function niceTop(highest: number): number {
  if (!(highest > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(highest))
  const step = [1, 2, 5, 10].find((factor) => factor * power >= highest) ?? 10
  return step * power
}

/** The same for counts: there is no half of an event. */
export function evenTop(highest: number): number {
  const top = niceTop(highest)
  return top + (top % 2)
}

export const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** Count pairs, the largest first, with what each is of the largest. */
export function rank(counts: Readonly<Record<string, number>>) {
  const entries = Object.entries(counts).filter(([, n]) => n > 0)
  const largest = Math.max(1, ...entries.map(([, n]) => n))
  return entries
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => ({ name, count: n, share: n / largest }))
}

/** Types that mean the same colour everywhere; others get one by their rank. */
const COLOURS = new Map(
  Object.entries({
    delivery: 'green',
    delivered: 'green',
    open: 'blue',
    opened: 'blue',
    click: 'violet',
    clicked: 'violet',
    bounce: 'red',
    bounced: 'red',
    'soft bounce': 'orange',
    deferred: 'orange',
    spam: 'pink',
    complained: 'pink',
    unsubscribe: 'yellow',
    unsubscribed: 'yellow',
    [REST]: 'grey',
  }),
)
const BY_RANK = ['teal', 'brown', 'indigo', 'lime', 'grey']

export function colourTypes(types: readonly { readonly type: string }[]): Map<string, string> {
  const strange = types.filter(({ type }) => !COLOURS.has(type))
  return new Map(
    types.map((one) => [
      one.type,
      COLOURS.get(one.type) ?? BY_RANK[strange.indexOf(one) % BY_RANK.length] ?? 'grey',
    ]),
  )
}

// @ts-check
/**
 * @typedef {{ type: string, total: number, counts: number[] }} Series
 * @typedef {{ type: string, from: number, to: number }} Segment
 */

const REST = 'other types'

/** The largest few, and one more for all the others. @param {Series[]} types @param {number} most */
export function joinRare(types, most) {
  if (types.length <= most) return types
  const rare = types.slice(most - 1)
  const counts = rare[0]?.counts.map((_, index) => sum(rare.map((one) => one.counts[index] ?? 0)))
  const rest = { type: REST, total: sum(rare.map(({ total }) => total)), counts: counts ?? [] }
  return [...types.slice(0, most - 1), rest]
}

/** For every bucket its segments, one upon the other. @param {Series[]} types @param {number} buckets @returns {Segment[][]} */
export function stackBars(types, buckets) {
  return Array.from({ length: buckets }, (_, index) => {
    let top = 0
    return types.flatMap(({ type, counts }) => {
      const from = top
      top += counts[index] ?? 0
      return top > from ? [{ type, from, to: top }] : []
    })
  })
}

/** The first of 1, 2, 5, 10, … that nothing exceeds. @param {number} highest */
export function niceTop(highest) {
  if (!(highest > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(highest))
  const step = [1, 2, 5, 10].find((factor) => factor * power >= highest) ?? 10
  return step * power
}

/** @param {number[]} values */
export const sum = (values) => values.reduce((total, value) => total + value, 0)

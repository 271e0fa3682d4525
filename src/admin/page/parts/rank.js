// @ts-check
/** Count pairs, the largest first, with what each is of the largest. @param {Record<string, number>} counts */
export function rank(counts) {
  const entries = Object.entries(counts).filter(([, n]) => n > 0)
  const largest = Math.max(1, ...entries.map(([, n]) => n))
  return entries
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => ({ name, count: n, share: n / largest }))
}

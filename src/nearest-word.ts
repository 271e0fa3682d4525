/**
 * The one of `words` that `text` was probably meant to be; undefined when none is near. One slip in
 * up to four letters, and one more for every further four, `mostSlips` in all, are still the word.
 */
export function findNearestWord(
  text: string,
  words: readonly string[],
  mostSlips = 3,
): string | undefined {
  let nearest: string | undefined
  let limit = 1 + Math.min(mostSlips, Math.ceil(text.length / 4))
  for (const word of words) {
    const distance = countEdits(text.toLowerCase(), word.toLowerCase(), limit)
    if (distance < limit) {
      nearest = word
      limit = distance
    }
  }
  return nearest
}

/** Letters to add, drop, replace or swap with their neighbour; `limit` when it is that or more. */
function countEdits(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1]
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
        isSwap ? at(beforeLast, column - 2) + 1 : limit,
      )
    }
    beforeLast = last
    last = current
  }
  return Math.min(limit, at(last, to.length))
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}

/** The name most like `name`, when it is so like it that it was probably meant. */
export function similarName(name: string, known: readonly string[]): string | undefined {
  const plain = simplify(name)
  const ranked = known
    .map((candidate) => ({ candidate, edits: editDistance(plain, simplify(candidate)) }))
    .sort((a, b) => a.edits - b.edits)
  return ranked.find(({ edits }) => edits <= 2)?.candidate
}

function simplify(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '')
}

/** How many letters must be put in, taken out or changed to turn one text into the other. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const changed = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      const removed = (previous[column] ?? 0) + 1
      const added = (current[column - 1] ?? 0) + 1
      current.push(Math.min(changed, removed, added))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}

const FUNCTIONS = new Set([
  ...['sum', 'max', 'min', 'count', 'rate', 'increase', 'delta', 'histogram_quantile'],
  ...['absent', 'time'],
])
const OPERATORS = new Set(['and', 'or', 'unless', 'offset', 'bool'])

/** What an expression speaks of. */
export interface Named {
  readonly metrics: readonly string[]
  readonly labels: readonly string[]
  /** `label` and each of the values that it is compared with. */
  readonly values: readonly (readonly [label: string, value: string])[]
}

/** Finds the names in a PromQL expression. Throws at a word that it does not know. */
export function readNames(expression: string): Named {
  const labels: string[] = []
  const values: [string, string][] = []
  const bare = expression
    .replaceAll(/\{([^}]*)\}/g, (_all, matchers: string) => {
      for (const [, label = '', value = ''] of matchers.matchAll(/(\w+)\s*[=!]~?\s*"([^"]*)"/g)) {
        labels.push(label)
        for (const one of value.split('|')) values.push([label, one])
      }
      return ' '
    })
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g, (_all, list: string) => {
      labels.push(...list.split(',').map((label) => label.trim()))
      return ' '
    })
    .replaceAll(/label_values\((\w+),\s*(\w+)\)/g, (_all, metric: string, label: string) => {
      labels.push(label)
      return ` ${metric} `
    })
    .replaceAll(/\[[^\]]*\]|\boffset \w+/g, ' ')
  const words = [...bare.matchAll(/\b([a-zA-Z_]\w*)\b(\s*\()?/g)]
  const metrics = words.flatMap(([, word = '', bracket]) => {
    if (OPERATORS.has(word)) return []
    if (bracket === undefined) return [word]
    if (!FUNCTIONS.has(word)) throw new Error(`${word} is no function that is known here`)
    return []
  })
  return { metrics, labels, values }
}

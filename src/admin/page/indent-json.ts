/**
 * Lays JSON out in lines without reading its values: every number and text stays as it was received,
 * to the last digit, which parsing and printing again would not keep. Answers tokens, so that they
 * can be coloured. What is no JSON comes out as it went in.
 */

const NEXT = /[{}[\],:"]|[^\s{}[\],:"]+/g
const DEEPEST_INDENT = 40

export interface Token {
  readonly text: string
  readonly kind: 'space' | 'key' | 'string' | 'other' | 'mark'
}

export function indentJson(text: string): Token[] {
  const raw = splitTokens(text)
  const tokens: Token[] = []
  let depth = 0
  const newLine = () =>
    tokens.push({ text: `\n${'  '.repeat(Math.min(depth, DEEPEST_INDENT))}`, kind: 'space' })

  for (const [index, token] of raw.entries()) {
    const next = raw[index + 1]
    if (token === '{' || token === '[') {
      tokens.push({ text: token, kind: 'mark' })
      depth++
      if (next !== '}' && next !== ']') newLine()
    } else if (token === '}' || token === ']') {
      depth = Math.max(0, depth - 1)
      const before = raw[index - 1]
      if (before !== '{' && before !== '[') newLine()
      tokens.push({ text: token, kind: 'mark' })
    } else if (token === ',') {
      tokens.push({ text: token, kind: 'mark' })
      newLine()
    } else if (token === ':') {
      tokens.push({ text: ': ', kind: 'mark' })
    } else {
      tokens.push({ text: token, kind: kindOf(token, next) })
    }
  }
  return tokens
}

/** In one pass, however many quotes never close. */
function splitTokens(text: string): string[] {
  const tokens: string[] = []
  const next = new RegExp(NEXT)
  for (let found = next.exec(text); found; found = next.exec(text)) {
    if (found[0] === '"') next.lastIndex = findEnd(text, next.lastIndex)
    tokens.push(text.slice(found.index, next.lastIndex))
  }
  return tokens
}

/** Behind the closing quote of a text that was opened. */
function findEnd(text: string, start: number): number {
  for (let index = start; index < text.length; index++) {
    if (text[index] === '\\') index++
    else if (text[index] === '"') return index + 1
  }
  return text.length
}

function kindOf(token: string, next: string | undefined): Token['kind'] {
  if (!token.startsWith('"')) return 'other'
  return next === ':' ? 'key' : 'string'
}

/** What a JSON text says; undefined when it is none. */
export function readString(token: string): string | undefined {
  try {
    return String(JSON.parse(token))
  } catch {
    return undefined
  }
}

/** A field, and what each of two events says of it; null where one has none. */
export type FieldDifference = readonly [field: string, first: string | null, other: string | null]

/** Field by field, those that differ; undefined when one of the texts is no JSON object. */
export function compareFields(first: string, other: string): FieldDifference[] | undefined {
  const [ofFirst, ofOther] = [readFields(first), readFields(other)]
  if (!ofFirst || !ofOther) return undefined
  const fields = [...new Set([...ofFirst.keys(), ...ofOther.keys()])]
  return fields
    .map((field) => [field, ofFirst.get(field) ?? null, ofOther.get(field) ?? null] as const)
    .filter(([, one, another]) => one !== another)
}

/** Dots lead into objects. */
function readFields(text: string): Map<string, string> | undefined {
  const fields = new Map<string, string>()
  const add = (value: object, path: string) => {
    for (const [name, inside] of Object.entries(value)) {
      const isObject = typeof inside === 'object' && inside !== null && !Array.isArray(inside)
      if (isObject) add(inside, `${path}${name}.`)
      else fields.set(`${path}${name}`, JSON.stringify(inside))
    }
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    add(value, '')
    return fields
  } catch {
    return undefined
  }
}

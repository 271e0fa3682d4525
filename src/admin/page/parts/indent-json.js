// @ts-check
/**
 * Lays JSON out in lines without reading its values: every number and text stays as it was received,
 * to the last digit, which parsing and printing again would not keep. Answers tokens, so that they
 * can be coloured. What is no JSON comes out as it went in.
 */

const NEXT = /[{}[\],:"]|[^\s{}[\],:"]+/g
const DEEPEST_INDENT = 40

/**
 * @typedef {{ text: string, kind: 'space' | 'key' | 'string' | 'other' | 'mark' }} Token
 * @param {string} text
 * @returns {Token[]}
 */
export function indentJson(text) {
  const raw = splitTokens(text)
  /** @type {Token[]} */
  const tokens = []
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

/** In one pass, however many quotes never close. @param {string} text */
function splitTokens(text) {
  const tokens = []
  const next = new RegExp(NEXT)
  for (let found = next.exec(text); found; found = next.exec(text)) {
    if (found[0] === '"') next.lastIndex = findEnd(text, next.lastIndex)
    tokens.push(text.slice(found.index, next.lastIndex))
  }
  return tokens
}

/** Behind the closing quote of a text that was opened. @param {string} text @param {number} start */
function findEnd(text, start) {
  for (let index = start; index < text.length; index++) {
    if (text[index] === '\\') index++
    else if (text[index] === '"') return index + 1
  }
  return text.length
}

/** @param {string} token @param {string | undefined} next */
function kindOf(token, next) {
  if (!token.startsWith('"')) return 'other'
  return next === ':' ? 'key' : 'string'
}

/** What a JSON text says; undefined when it is none. @param {string} token */
export function readString(token) {
  try {
    return String(JSON.parse(token))
  } catch {
    return undefined
  }
}

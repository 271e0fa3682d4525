/** Taken at once: a handler's module may patch it. */
const { parse } = JSON

/** Fields in which a raw `+` is meant: form encoders that forget to escape it spoil addresses. */
const LITERAL_PLUS = new Set(['email', 'message_id'])

/**
 * The exact text of a stored event as an object. A JSON event begins with `{`; all else is the
 * legacy form, whose values are text. Throws a SyntaxError when the text is no longer what it was.
 */
export function parsePayload(text: string): Record<string, unknown> {
  // Plain on purpose: `__proto__` is an ordinary own key of the result, and may be a customer's.
  return text.startsWith('{') ? parse(text) : parseForm(text)
}

/** Of a repeated field the first counts. */
function parseForm(text: string): Record<string, unknown> {
  const fields = new Map<string, string>()
  for (const pair of text.trim().split('&')) {
    const middle = pair.includes('=') ? pair.indexOf('=') : pair.length
    const name = decode(pair.slice(0, middle).replaceAll('+', ' '))
    const value = pair.slice(middle + 1)
    if (name === '' || fields.has(name)) continue
    fields.set(name, decode(LITERAL_PLUS.has(name) ? value : value.replaceAll('+', ' ')))
  }
  return Object.fromEntries(fields)
}

/** Never throws, unlike decodeURIComponent: a stray `%` stays, bytes that are no UTF-8 become U+FFFD. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString(),
  )
}

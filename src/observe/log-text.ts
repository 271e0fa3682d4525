const MAX_TEXT_LENGTH = 2_000
const MAX_FIELDS_LENGTH = 4_000

/**
 * Text of strangers as a log line may show it: on one line, without control characters that would
 * steer a terminal, without e-mail addresses, and not endless.
 */
export function tameText(text: string): string {
  const start = text.slice(0, MAX_TEXT_LENGTH)
  const tamed = escapeControls(hideEmails(start))
  return text.length > start.length ? `${tamed}… (${text.length} characters)` : tamed
}

/** Likewise of several lines, such as a stack; in a log of JSON they are one all the same. */
export function tameLines(text: string): string {
  const start = text.slice(0, MAX_TEXT_LENGTH)
  const tamed = hideEmails(start).split('\n').map(escapeControls).join('\n')
  return text.length > start.length ? `${tamed}… (${text.length} characters)` : tamed
}

/** The text without what would steer a terminal. */
export function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, escapeControlCharacter)
}

/** What failed, for a span: the stack is in the log. */
export function withoutStack(error: string): string {
  return tameText(error.split('\n', 1)[0] ?? '')
}

/** Fields of strangers, or only their size when there are too many. */
export function boundFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { length } = JSON.stringify(fields)
  return length > MAX_FIELDS_LENGTH ? { omitted: `fields of ${length} characters` } : fields
}

/** The text with every e-mail address replaced. */
export function hideEmails(text: string): string {
  if (!text.includes('@')) return text
  // No slash: a path through node_modules/@scope is no address. No bare number: that is a version.
  return text.replace(
    /[^\s@/<>"'(),;:]{1,64}@(?!\d{1,3}(?:\s|$))[^\s@/<>"'(),;:]{1,255}/g,
    '[e-mail]',
  )
}

function escapeControlCharacter(character: string): string {
  if (character === '\t') return ' '
  if (character === '\n') return '\\n'
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}

/** What an error says, without the fields that libraries hang on it, such as request headers. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: tameText(String(error)) }
  const { name, message, stack, cause } = error
  return {
    type: name,
    message: tameText(message),
    ...('code' in error ? { code: String(error.code) } : {}),
    stack: hideEmails(stack ?? '').slice(0, MAX_FIELDS_LENGTH),
    ...(cause instanceof Error ? { cause: tameText(cause.message) } : {}),
  }
}

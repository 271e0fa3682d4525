/**
 * Whether a module was loaded and is wrong by our rules, so that only its author can mend it. Any
 * other failure may pass: a file that is missing, a database that its import cannot reach.
 */
export function isInvalidHandler(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (/^The handler module .* is wrong: /s.test(error.message)) return true
  return error.cause instanceof Error && error.cause.message.startsWith('defineHandler: ')
}

const MAX_CHARACTERS = 300

/** What went wrong, for the log. A SyntaxError's text quotes what could not be parsed. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'Something was thrown that is no Error.'
  if (error instanceof SyntaxError) return error.name
  return `${error.name}: ${error.message}`.slice(0, MAX_CHARACTERS)
}

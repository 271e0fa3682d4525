/**
 * Values of a header among raw headers (name, value, name, value, …). Raw, because a parsed list of
 * headers joins those that were sent twice. `name` is in lower case.
 */
export function findHeader(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name,
  )
}

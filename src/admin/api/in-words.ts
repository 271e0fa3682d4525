import type { HandlerJson } from './handlers.ts'

/*
 * What the page and the commands say alike.
 */

/** How many of a handler's attempts of the last hour failed, if at least half did: `all`, `60 %`. */
export function failingShare({ done, retry, dead }: HandlerJson['recent']): string | undefined {
  const failed = retry + dead
  if (failed === 0 || failed < done) return undefined
  return done === 0 ? 'all' : `${Math.floor((100 * failed) / (done + failed))} %`
}

/** `jobs 12, state dead`; empty when there are none. */
export function listFields(
  fields: Readonly<Record<string, string | number | boolean>>,
  showNumber: (number: number) => string,
  showName = (name: string) => name,
): string {
  const parts = Object.entries(fields).map(([name, value]) => {
    return `${showName(name)} ${typeof value === 'number' ? showNumber(value) : value}`
  })
  return parts.join(', ')
}

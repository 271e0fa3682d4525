import { readFileSync } from 'node:fs'

/** The version in this package's `package.json`. */
export function readVersion(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return String(JSON.parse(file).version)
}

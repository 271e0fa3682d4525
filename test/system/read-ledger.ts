import { existsSync, readFileSync } from 'node:fs'

/** What the handler `ledger` wrote down; a line that a kill cut short does not count. */
export function readLedger(file: string): [key: string, attempt: number][] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line.endsWith(']')).map((line) => JSON.parse(line))
}

import { formatCounted } from '../terminal/figures.ts'
import type { Paint } from '../terminal/paint.ts'
import { safeText } from '../terminal/safe-text.ts'
import type { Finding } from './finding.ts'

const SIGNS = {
  ok: ['green', '✓'],
  warning: ['yellow', '!'],
  failed: ['red', '✗'],
  skipped: ['dim', '-'],
} as const

/** What was found, for people: a line each, and below it what to do. */
export function describeFindings(url: string, findings: readonly Finding[], paint: Paint): string {
  const width = Math.max(...findings.map(({ check }) => check.length)) + 2
  const lines = findings.map(({ check, status, detail, remedy }) => {
    const [colour, sign] = SIGNS[status]
    const line = `${paint(colour, sign)} ${paint('bold', check.padEnd(width))}${safeText(detail)}\n`
    return remedy === undefined ? line : `${line}  ${' '.repeat(width)}→ ${safeText(remedy)}\n`
  })
  return `${safeText(url)}\n\n${lines.join('')}\n${summarise(findings)}\n`
}

function summarise(findings: readonly Finding[]): string {
  const count = (status: Finding['status']) =>
    findings.filter((finding) => finding.status === status).length
  const wrong = [
    formatCounted(count('failed'), 'failure'),
    formatCounted(count('warning'), 'warning'),
  ]
  return `${wrong.join(', ')}, ${count('skipped')} not checked.`
}

import { createRequire } from 'node:module'
import { escapeControls } from './log-text.ts'

/** So that none of them passes for a line of its own. */
const INDENT = '    '

/** Turns JSON lines into lines for people. Texts of several lines, such as stacks, stand below theirs. */
export function createPrettyFormat(): (line: string) => string {
  const format = loadPretty().prettyFactory({
    colorize: true,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  })
  return (line) => {
    if (!line.includes('\\n')) return format(line)
    const { entry, below } = takeApart(JSON.parse(line))
    return format(JSON.stringify(entry)) + below.map((text) => `${INDENT}${text}\n`).join('')
  }
}

/** Only a terminal wants it, and whoever starts a receiver would wait for it. */
function loadPretty(): typeof import('pino-pretty') {
  return createRequire(import.meta.url)('pino-pretty')
}

function takeApart(line: Readonly<Record<string, unknown>>) {
  const entry: Record<string, unknown> = { ...line }
  const below: string[] = []
  const [msg, ...more] = toLines(line['msg'])
  if (more.length > 0) {
    entry['msg'] = msg
    below.push(...more)
  }
  const { err, ...texts } = line
  for (const [name, value] of Object.entries(texts)) {
    const [first, ...rest] = name === 'msg' ? [] : toLines(value)
    if (rest.length === 0) continue
    delete entry[name]
    below.push(`${name}: ${first}`, ...rest)
  }
  const { stack, code, cause } = (err ?? {}) as Readonly<Record<string, unknown>>
  const frames = toLines(stack)
  if (frames.length > 1) {
    delete entry['err']
    for (const [name, value] of Object.entries({ code, cause })) {
      if (value !== undefined) entry[name] = value
    }
    below.push(...frames)
  }
  return { entry, below }
}

function toLines(value: unknown): string[] {
  return typeof value === 'string' ? value.trimEnd().split('\n').map(escapeControls) : []
}

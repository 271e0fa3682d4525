import { describeError } from '../../handlers/describe-error.ts'
import type { HandlerLog } from '../../handlers/handler-context.ts'
import { MAX_LOGS } from '../channel-frames.ts'

const LINES_PER_SECOND = 1_000
const MAX_TEXT_CHARS = 4_000
const MAX_FIELDS_CHARS = 8_000

/** The handler's log lines, waiting for the next frame. */
export interface HostLog {
  readonly log: HandlerLog
  /** Takes out lines, as members of a frame: `"logs":[…]`. Empty text when there are none. */
  take(): string
  readonly hasLines: boolean
}

/** `onLine` is called when a line waits. Bounded: a line more than the pace allows is counted only. */
export function createHostLog(onLine: () => void): HostLog {
  const { stringify } = JSON
  const now = performance.now.bind(performance)
  const lines: string[] = []
  let dropped = 0
  let inSecond = 0
  let secondEndsAt = 0

  const write = (level: string) => (text: unknown, fields?: unknown) => {
    if (now() >= secondEndsAt) {
      secondEndsAt = now() + 1_000
      inSecond = 0
    }
    inSecond++
    if (inSecond > LINES_PER_SECOND || lines.length >= LINES_PER_SECOND) dropped++
    else lines.push(`{"level":"${level}","text":${encodeText(text)}${encodeFields(fields)}}`)
    onLine()
  }
  const encodeText = (text: unknown) => {
    const shown = typeof text === 'string' ? text : describeError(text)
    return stringify(shown.slice(0, MAX_TEXT_CHARS))
  }
  const encodeFields = (fields: unknown) => {
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return ''
    try {
      const text = stringify(fields)
      if (text.startsWith('{') && text.length <= MAX_FIELDS_CHARS) return `,"fields":${text}`
      return ',"fields":{"omitted":"too large"}'
    } catch {
      return ',"fields":{"omitted":"not JSON"}'
    }
  }
  return {
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    get hasLines() {
      return lines.length > 0
    },
    take() {
      const members: string[] = []
      const taken = lines.splice(0, MAX_LOGS)
      if (taken.length > 0) members.push(`"logs":[${taken.join(',')}]`)
      if (dropped > 0) members.push(`"droppedLogs":${dropped}`)
      dropped = 0
      return members.join(',')
    },
  }
}

import { describeError } from '../../handlers/handler-errors.ts'
import { LINES_PER_SECOND, MAX_FAILURES, MAX_LOGS, MAX_PAGES } from '../channel-frames.ts'
import type { HostJob, HostPage } from './host-page.ts'
import { now, stringify } from './untouched.ts'

const MAX_TEXT_CHARS = 4_000
const MAX_FIELDS_CHARS = 8_000

/** What the parent was not told yet: of pages, failures, and lines of the handler's log. */
export class HostNews {
  readonly #onLine: () => void
  /** Those of which the progress file has news, in the order in which these came. */
  #pages: HostPage[] = []
  #finishedPages = 0
  #recalled = 0
  #failures: string[] = []
  #lines: string[] = []
  #droppedLines = 0
  #linesInSecond = 0
  #secondEndsAt = 0

  /** `onLine` is called when a line of the log waits. */
  constructor(onLine: () => void) {
    this.#onLine = onLine
  }

  /** Some of its events have ended. */
  notePage(page: HostPage): void {
    if (!page.hasNews) this.#pages.push(page)
    page.hasNews = true
    if (page.open === 0) this.#finishedPages++
  }

  /** What was not begun is given back. */
  noteRecalled(): void {
    this.#recalled++
  }

  noteFailure(failure: object): void {
    this.#failures.push(stringify(failure))
  }

  get isEmpty(): boolean {
    return this.#pages.length === 0 && this.#lines.length === 0 && this.#recalled === 0
  }

  /** Whether it should be told as soon as nothing more urgent is to be done. */
  get isDue(): boolean {
    return (
      this.#finishedPages > 0 ||
      this.#failures.length >= MAX_FAILURES ||
      this.#lines.length > 0 ||
      this.#recalled > 0
    )
  }

  /** Takes out what fits a frame; of pages all, or those that are finished. */
  take(isAll: boolean): string {
    const lines = this.#lines.splice(0, MAX_LOGS)
    // Behind the last line: what was written for an event is told before it has ended.
    const most = this.#lines.length > 0 ? 0 : MAX_FAILURES
    const failures = this.#failures.splice(0, most)
    // Behind the last failure, so that something is due until they are told.
    const isLast = this.#lines.length + this.#failures.length === 0
    const pages = isLast ? this.#takePages(isAll || this.#recalled > 0) : []
    const members: string[] = []
    if (failures.length > 0) members.push(`"failures":[${failures.join(',')}]`)
    if (pages.length > 0) members.push(`"pages":[${pages.join(',')}]`)
    if (isLast && this.#recalled > 0) {
      members.push(`"recalled":${this.#recalled}`)
      this.#recalled = 0
    }
    if (lines.length > 0) members.push(`"logs":[${lines.join(',')}]`)
    if (this.#droppedLines > 0) members.push(`"droppedLogs":${this.#droppedLines}`)
    this.#droppedLines = 0
    return `{${members.join(',')}}`
  }

  #takePages(isAll: boolean): number[] {
    const taken: number[] = []
    this.#pages = this.#pages.filter((page) => {
      if ((!isAll && page.open > 0) || taken.length === MAX_PAGES) return true
      taken.push(page.id)
      page.hasNews = false
      if (page.open === 0) this.#finishedPages--
      return false
    })
    return taken
  }

  /**
   * Takes a line for the attempt at these jobs, which are of one call. One more than the pace allows is
   * counted only.
   */
  addLine(level: string, [text, fields]: readonly unknown[], jobs: readonly HostJob[]): void {
    if (now() >= this.#secondEndsAt) {
      this.#secondEndsAt = now() + 1_000
      this.#linesInSecond = 0
    }
    this.#linesInSecond++
    const isTooMuch =
      this.#linesInSecond > LINES_PER_SECOND || this.#lines.length >= LINES_PER_SECOND
    if (isTooMuch) this.#droppedLines++
    else {
      const members = `"text":${encodeText(text)}${encodeFields(fields)}${encodePlace(jobs)}`
      this.#lines.push(`{"level":"${level}",${members}}`)
    }
    this.#onLine()
  }
}

function encodeText(text: unknown): string {
  const shown = typeof text === 'string' ? text : describeError(text)
  return stringify(shown.slice(0, MAX_TEXT_CHARS))
}

/** Nothing of events of several pages, which are of several batches. */
function encodePlace(jobs: readonly HostJob[]): string {
  const [first] = jobs
  if (first === undefined || jobs.at(-1)?.page !== first.page) return ''
  return `,"page":${first.page.id},"at":${first.at},"events":${jobs.length}`
}

function encodeFields(fields: unknown): string {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return ''
  try {
    const text = stringify(fields)
    if (text.startsWith('{') && text.length <= MAX_FIELDS_CHARS) return `,"fields":${text}`
    return ',"fields":{"omitted":"too large"}'
  } catch {
    return ',"fields":{"omitted":"not JSON"}'
  }
}

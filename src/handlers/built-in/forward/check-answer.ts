import { PermanentError } from '../../define-handler.ts'
import { RetryLaterError } from '../../retry-later-error.ts'
import type { Answer } from './endpoint.ts'
import { ForwardError } from './forward-error.ts'

/** Throws unless the answer says that the events are in good hands. `label`: who gave it. */
export function checkAnswer({ status, retryAfter }: Answer, label: string, now: number): void {
  if (status >= 200 && status < 300) return
  const text = `${label} answered ${status}`
  if (status === 410) throw withoutStack(new PermanentError(`${text}: it wants no more of this.`))
  if (status >= 300 && status < 400) {
    throw new ForwardError(`${text}: redirects are not followed. Set the address it leads to.`)
  }
  if (status === 401 || status === 403) {
    throw new ForwardError(`${text}: it may check another secret, or want other headers.`)
  }
  const afterSeconds = status === 429 || status === 503 ? readRetryAfter(retryAfter, now) : 0
  if (afterSeconds === 0) throw new ForwardError(`${text}.`)
  throw withoutStack(
    new RetryLaterError(`${text}, and not to be asked before ${afterSeconds} s.`, { afterSeconds }),
  )
}

/** Idempotency keys of the events that a 2xx answer to a batch names as failed. */
export function readFailed({ status, body }: Answer, label: string): readonly unknown[] {
  if (body === undefined) {
    throw new ForwardError(
      `${label} answered ${status}, and the rest of it was cut off or too long.`,
    )
  }
  const answer = parseOrNothing(body)
  const isObject = typeof answer === 'object' && answer !== null
  const failed: unknown = isObject && 'failed' in answer ? answer.failed : undefined
  if (Array.isArray(failed)) return failed
  if (!failed) return []
  throw new ForwardError(`${label} answered with a "failed" that is no list of ids.`)
}

/** Seconds, or a date of HTTP; 0 for anything else. */
function readRetryAfter(text = '', now: number): number {
  if (/^\d+$/.test(text)) return Number(text)
  const at = Date.parse(text)
  return Number.isNaN(at) ? 0 : Math.max(0, Math.ceil((at - now) / 1_000))
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function withoutStack<Thrown extends Error>(error: Thrown): Thrown {
  error.stack = ''
  return error
}

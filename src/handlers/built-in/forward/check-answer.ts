import { PermanentError, RetryLaterError, withoutStack } from '../../handler-errors.ts'

export interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
  /** Undefined: it was cut off, too long, or not asked for. */
  readonly body: string | undefined
}

export const forwardError = (text: string) => withoutStack(new Error(text), 'ForwardError')

const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed before an answer came',
  EPIPE: 'the connection was closed before an answer came',
  ETIMEDOUT: 'no connection came about in time',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'no way leads there',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'names cannot be resolved now',
  EPROTO: 'it does not speak TLS',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ABORT_ERR: 'the attempt was broken off',
}
const UNKNOWN_AUTHORITY = /SELF_SIGNED|UNABLE_TO|ISSUER/

/** Why no answer came. The error's own text may hold what is secret of the address. */
export function describeFault(
  label: string,
  { code = 'unknown error' }: NodeJS.ErrnoException,
): string {
  const meaning = UNKNOWN_AUTHORITY.test(code)
    ? 'no authority that is known here has signed its certificate: give its own with ca'
    : (MEANINGS[code] ?? (code.startsWith('HPE_') ? 'it does not speak HTTP' : undefined))
  return `${label} did not answer: ${meaning === undefined ? code : `${meaning} (${code})`}.`
}

/** Throws unless the answer says that the events are in good hands. `label`: who gave it. */
export function checkAnswer({ status, retryAfter }: Answer, label: string, now: number): void {
  if (status >= 200 && status < 300) return
  const text = `${label} answered ${status}`
  if (status === 410) throw withoutStack(new PermanentError(`${text}: it wants no more of this.`))
  if (status >= 300 && status < 400) {
    throw forwardError(`${text}: redirects are not followed. Set the address it leads to.`)
  }
  if (status === 401 || status === 403) {
    throw forwardError(`${text}: it may check another secret, or want other headers.`)
  }
  const afterSeconds = status === 429 || status === 503 ? readRetryAfter(retryAfter, now) : 0
  if (afterSeconds === 0) throw forwardError(`${text}.`)
  throw withoutStack(
    new RetryLaterError(`${text}, and not to be asked before ${afterSeconds} s.`, { afterSeconds }),
  )
}

/** Idempotency keys of the events that a 2xx answer to a batch names as failed. */
export function readFailed({ status, body }: Answer, label: string): readonly unknown[] {
  if (body === undefined) {
    throw forwardError(`${label} answered ${status}, and the rest of it was cut off or too long.`)
  }
  const answer = parseOrNothing(body)
  const isObject = typeof answer === 'object' && answer !== null
  const failed: unknown = isObject && 'failed' in answer ? answer.failed : undefined
  if (Array.isArray(failed)) return failed
  if (!failed) return []
  throw forwardError(`${label} answered with a "failed" that is no list of ids.`)
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

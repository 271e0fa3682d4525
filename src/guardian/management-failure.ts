import { isObject } from '../providers/read-value.ts'

/**
 * `unauthorized`: the token is wrong or may not do that. `limited`: too many requests. `refused`: any
 * other answer that is an error. `away`: no answer, or one of 5xx. `unreadable`: not what was asked.
 */
export type ManagementCode = 'unauthorized' | 'limited' | 'refused' | 'away' | 'unreadable'

const MAX_DETAIL = 200

/** A call of the management API that failed. Its text never holds the token. */
export class ManagementFailure extends Error {
  readonly code: ManagementCode
  /** How long the provider asks to wait. */
  readonly retryAfterMs: number | undefined

  constructor(code: ManagementCode, message: string, retryAfterMs?: number) {
    super(message)
    this.name = 'ManagementFailure'
    this.code = code
    this.retryAfterMs = retryAfterMs
  }

  static from(error: unknown): ManagementFailure {
    if (error instanceof ManagementFailure) return error
    return new ManagementFailure('away', `The management API cannot be reached: ${whyOf(error)}.`)
  }
}

/** A sentence for an answer that is none of 200. */
export function describeRefusal(
  status: number,
  retryAfter: string | null,
  text: string,
): ManagementFailure {
  const detail = explanationIn(text)
  const answered = `The management API answered ${status}${detail ? ` (${detail})` : ''}`
  if (status === 401 || status === 403) {
    return new ManagementFailure(
      'unauthorized',
      `${answered}. Check MAILTRAP_API_TOKEN, its permissions, and MAILTRAP_ACCOUNT_ID.`,
    )
  }
  if (status === 429) {
    return new ManagementFailure('limited', `${answered}.`, readRetryAfter(retryAfter))
  }
  const code = status >= 500 ? 'away' : 'refused'
  return new ManagementFailure(code, `${answered}.`, readRetryAfter(retryAfter))
}

/** The forms that Mailtrap's errors have: `error`, `errors` as text, as list, or by field. */
function explanationIn(text: string): string {
  const told = shorten(text)
  try {
    const body: unknown = JSON.parse(text)
    if (!isObject(body)) return told
    const { error, errors } = body
    if (typeof error === 'string') return shorten(error)
    if (typeof errors === 'string') return shorten(errors)
    return isObject(errors) || Array.isArray(errors) ? shorten(listErrors(errors)) : told
  } catch {
    return told
  }
}

function listErrors(errors: object): string {
  if (Array.isArray(errors)) return errors.map(String).join('; ')
  return Object.entries(errors)
    .map(([field, texts]) => `${field} ${[texts].flat().map(String).join(', ')}`)
    .join('; ')
}

function shorten(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, MAX_DETAIL)
}

/** In seconds; dates are not used by anybody we ask. */
function readRetryAfter(text: string | null): number | undefined {
  return text !== null && /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : undefined
}

function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  if (error.name === 'TimeoutError') return 'no answer in time'
  if (error.name === 'AbortError') return 'stopped'
  const { cause } = error
  if (!(cause instanceof Error)) return error.name
  return 'code' in cause ? String(cause.code) : cause.message
}

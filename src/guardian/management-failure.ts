import { isObject } from '../providers/read-value.ts'

export type Fields = Readonly<Record<string, unknown>>

/**
 * `unauthorized`: the token is wrong or may not do that. `limited`: too many requests. `refused`: any
 * other answer that is an error. `away`: no answer, or one of 5xx. `unreadable`: not what was asked.
 */
type ManagementCode = 'unauthorized' | 'limited' | 'refused' | 'away' | 'unreadable'

/** A call of a provider's management API that failed. Its text is a sentence that never holds the token. */
export class ManagementFailure extends Error {
  readonly code: ManagementCode
  /** How long the provider asks to wait. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: ManagementCode,
    message: string,
    options: { readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'ManagementFailure'
    this.code = code
    this.retryAfterMs = options.retryAfterMs
  }

  /** `url`: where the API was asked. */
  static from(error: unknown, url: string): ManagementFailure {
    if (error instanceof ManagementFailure) return error
    const reason = reasonOf(error)
    const text =
      reason === STOPPED
        ? `Stopped before the API at ${url} had answered.`
        : `No API answers at ${url} (${reason}). Check the network, and the API's address if it is set.`
    return new ManagementFailure('away', text, { cause: error })
  }
}

/** What an API answered instead of doing it. */
export interface ApiRefusal {
  readonly status: number
  /** Parsed where it is JSON, else text. */
  readonly body: unknown
  /** The header: seconds, where the answer says so. */
  readonly retryAfter: string | undefined
}

interface RefusalContext {
  /** How people call the provider. */
  readonly provider: string
  /** The setting that holds the token. */
  readonly tokenName: string
  readonly account: string | undefined
  /** The webhook that was asked for. */
  readonly id: string | undefined
}

/** Mailtrap counts 150 requests in 10 seconds; no document says what to wait for. */
const USUAL_WAIT_SECONDS = 10
const SHOWN_CHARACTERS = 200

/** The refusal as a sentence that says what to do. */
export function explainRefusal(refusal: ApiRefusal, context: RefusalContext): ManagementFailure {
  const { status, retryAfter = '' } = refusal
  // Dates are not used by anybody we ask.
  const retryAfterMs = /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : undefined
  const { provider, tokenName, account, id } = context
  const said = describeBody(refusal.body)
  const fail = (code: ManagementCode, text: string) =>
    new ManagementFailure(code, `${provider} ${text}`, { retryAfterMs })
  switch (status) {
    case 401:
      return fail(
        'unauthorized',
        `does not accept the API token (${said}). Check ${tokenName}: it may be mistyped or expired, or a sending domain's, where an account's is wanted.`,
      )
    case 403:
      return fail(
        'unauthorized',
        `does not let this API token in${account ? ` to the account ${account}` : ''} (${said}). Check the account, and that the token has admin rights there: a weaker one may not manage webhooks.`,
      )
    case 404:
      return fail(
        'refused',
        id === undefined
          ? `knows no webhooks there (${said}). Check the account and the API's address.`
          : `has no webhook ${id} (${said}). mailtrap-receiver webhooks list shows which there are.`,
      )
    case 409:
    case 422:
      return fail('refused', `does not take it: ${said}.`)
    case 429:
      return fail(
        'limited',
        `was asked too often (${said}). Wait ${retryAfter || USUAL_WAIT_SECONDS} seconds, then try again.`,
      )
    default:
      return fail(status >= 500 ? 'away' : 'refused', `answered ${status}: ${said}.`)
  }
}

/** All shapes of the documents: `error` and `errors` as text, list, object of lists, or with a code. */
export function describeBody(body: unknown): string {
  if (!isObject(body)) return shorten(typeof body === 'string' ? body : JSON.stringify(body))
  const { error, errors } = body
  if (typeof error === 'string') return shorten(error)
  if (isObject(error)) return shorten(`${error.code}: ${error.message}`)
  if (typeof errors === 'string') return shorten(errors)
  if (Array.isArray(errors)) return shorten(errors.join(', '))
  if (isObject(errors)) return shorten(describeFields(errors))
  return shorten(JSON.stringify(body))
}

/** `url can't be blank, is invalid; event_types can't be blank`; `base` is no field. */
function describeFields(errors: Fields): string {
  return Object.entries(errors)
    .map(([name, texts]) => {
      const text = Array.isArray(texts) ? texts.join(', ') : String(texts)
      return name === 'base' ? text : `${name} ${text}`
    })
    .join('; ')
}

function shorten(text: string | undefined): string {
  return (text ?? '').replace(/\s+/g, ' ').trim().slice(0, SHOWN_CHARACTERS) || 'an empty answer'
}

const STOPPED = 'stopped'

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  if (error.name === 'TimeoutError' || code === 'ECONNABORTED') return 'no answer in time'
  if (error.name === 'AbortError' || code === 'ERR_CANCELED') return STOPPED
  if (code !== undefined) return code
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message
}

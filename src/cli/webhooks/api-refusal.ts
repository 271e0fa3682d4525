import { CommandFailure } from '../command-failure.ts'

export type Fields = Readonly<Record<string, unknown>>

/** What an API answered instead of doing it. */
export interface Refusal {
  readonly status: number
  /** Parsed where it is JSON, else text. */
  readonly body: unknown
  /** Seconds, where the answer says so. */
  readonly retryAfter: string | undefined
}

export interface RefusalContext {
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
export function explainRefusal(refusal: Refusal, context: RefusalContext): CommandFailure {
  const { status } = refusal
  const { provider, tokenName, account, id } = context
  const said = describeBody(refusal.body)
  switch (status) {
    case 401:
      return new CommandFailure(
        `${provider} does not accept the API token (${said}). Check ${tokenName}.`,
      )
    case 403:
      return new CommandFailure(
        `${provider} does not let this API token in${account ? ` to the account ${account}` : ''} (${said}). Check the account, and that the token may manage webhooks.`,
      )
    case 404:
      return new CommandFailure(
        id === undefined
          ? `${provider} knows no webhooks there (${said}). Check the account and --api-url.`
          : `${provider} has no webhook ${id} (${said}). mailtrap-receiver webhooks list shows which there are.`,
      )
    case 409:
    case 422:
      return new CommandFailure(`${provider} does not take it: ${said}.`)
    case 429:
      return new CommandFailure(
        `${provider} was asked too often (${said}). Wait ${refusal.retryAfter ?? USUAL_WAIT_SECONDS} seconds, then try again.`,
      )
    default:
      return new CommandFailure(`${provider} answered ${status}: ${said}.`)
  }
}

/** All shapes of the documents: `error` and `errors` as text, list, object of lists, or with a code. */
export function describeBody(body: unknown): string {
  if (!isFields(body)) return shorten(typeof body === 'string' ? body : JSON.stringify(body))
  const { error, errors } = body
  if (typeof error === 'string') return shorten(error)
  if (isFields(error)) return shorten(`${error.code}: ${error.message}`)
  if (typeof errors === 'string') return shorten(errors)
  if (Array.isArray(errors)) return shorten(errors.join(', '))
  if (isFields(errors)) return shorten(describeFields(errors))
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
  return (text ?? '').trim().slice(0, SHOWN_CHARACTERS) || 'an empty answer'
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Nobody answers at all. */
export function explainSilence(url: string, error: unknown): CommandFailure {
  return new CommandFailure(
    `No API answers at ${url} (${reasonOf(error)}). Check the network, and --api-url if it is set.`,
    { cause: error },
  )
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  if (error.name === 'TimeoutError') return 'timeout'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message
}

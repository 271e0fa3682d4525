import { count } from './format.ts'

const ANSWER_MS = 15_000
const RETRY_MS = 2_000

/** An answer that is none to draw. */
export class NoAnswer extends Error {
  /** 0 when the receiver could not be reached. */
  readonly status: number
  /** Undefined: asking again would not help. */
  readonly waitMs: number | undefined

  constructor(text: string, status: number, waitMs?: number) {
    super(text)
    this.status = status
    this.waitMs = waitMs
  }
}

/** What the page asks the API; `Answer` is a shape of its schemas. */
export async function ask<Answer>(path: string, isByHand = true): Promise<Answer> {
  // The page's own refreshing does not keep a session alive.
  const answer = await reach(path, { headers: { 'x-dashboard': isByHand ? 'hand' : 'refresh' } })
  return answer.json() as Promise<Answer>
}

export async function askBytes(path: string): Promise<Uint8Array> {
  const answer = await reach(path, { headers: { 'x-dashboard': 'hand' } })
  return new Uint8Array(await answer.arrayBuffer())
}

/** `waitMs`: how long what is asked for may take. */
export async function post<Answer>(
  path: string,
  body: object = {},
  waitMs = ANSWER_MS,
): Promise<Answer> {
  const headers = { 'x-dashboard': 'hand', 'content-type': 'application/json' }
  const answer = await reach(path, { method: 'POST', headers, body: JSON.stringify(body) }, waitMs)
  return answer.json() as Promise<Answer>
}

/** What can be done to jobs: where it is asked for, and how its answer is told. */
const CHANGES = {
  /** Of events; what their handlers never had comes too. */
  run: ['api/replay', 'replayed', 'made pending', 'no handler wants it, or it is pending already'],
  replay: ['api/jobs/replay', 'replayed', 'made pending', 'it is pending already'],
  retry: ['api/jobs/retry', 'retried', 'due now', 'it runs already'],
  discard: ['api/jobs/discard', 'discarded', 'discarded', 'it is dead no longer'],
} as const

export type Change = keyof typeof CHANGES

/** What comes of it for a job. */
export const doneBy = (action: Change) => CHANGES[action][2]

/** Goes through all jobs that match, however many they are. */
const CHANGE_MS = 3_600_000

/** Answers how many jobs it changed. */
export async function postChange(action: Change, asked: object): Promise<number> {
  const [path, field] = CHANGES[action]
  const answer = await post<Partial<Record<typeof field, number>>>(path, asked, CHANGE_MS)
  return answer[field] ?? 0
}

/** Answers what came of it in words, once `onChanged` has ended. */
export async function changeJobs(
  action: Change,
  asked: object,
  onChanged = async () => {},
): Promise<string> {
  const changed = await postChange(action, asked)
  await onChanged()
  const [, , done, instead] = CHANGES[action]
  return changed === 0 ? `No job to ${action}: ${instead}.` : `${count(changed, 'job')} ${done}.`
}

async function reach(path: string, request: RequestInit, waitMs = ANSWER_MS): Promise<Response> {
  const signal = AbortSignal.timeout(waitMs)
  const answer = await fetch(path, { ...request, signal }).catch(() => undefined)
  if (answer?.ok) return answer
  throw answer
    ? await explain(answer)
    : new NoAnswer('The receiver cannot be reached.', 0, RETRY_MS)
}

async function explain(answer: Response): Promise<NoAnswer> {
  const { status } = answer
  const waitMs = Math.max(RETRY_MS, Number(answer.headers.get('retry-after') ?? 0) * 1_000)
  if (status === 429) {
    return new NoAnswer('Too many wrong passwords: wait a minute.', status, waitMs)
  }
  const told: unknown = await answer.json().catch(() => undefined)
  const hasText = typeof told === 'object' && told !== null && 'message' in told
  return new NoAnswer(
    String((hasText && told.message) || `The receiver answered ${status}.`),
    status,
    status >= 500 ? waitMs : undefined,
  )
}

export function explainFailure(error: unknown): string {
  if (!(error instanceof NoAnswer)) return 'this page failed. Reload it.'
  return error.status === 401 ? 'you are signed out.' : error.message
}

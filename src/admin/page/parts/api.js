// @ts-check
const ANSWER_MS = 15_000
const RETRY_MS = 2_000

/**
 * An answer that is none to draw. `waitMs` undefined: asking again would not help. `status` is 0
 * when the receiver could not be reached.
 */
export class NoAnswer extends Error {
  /** @param {string} text @param {number} status @param {number} [waitMs] */
  constructor(text, status, waitMs) {
    super(text)
    this.status = status
    this.waitMs = waitMs
  }
}

/** @typedef {{ isByHand?: boolean }} AskOptions */

/** @param {string} path @param {AskOptions} [options] @returns {Promise<any>} */
export async function ask(path, { isByHand = true } = {}) {
  // The page's own refreshing does not keep a session alive.
  const headers = { 'x-dashboard': isByHand ? 'hand' : 'refresh' }
  const answer = await reach(path, { headers })
  return answer.json()
}

/** @param {string} path */
export async function askBytes(path) {
  const answer = await reach(path, { headers: { 'x-dashboard': 'hand' } })
  return new Uint8Array(await answer.arrayBuffer())
}

/** @param {string} path @param {object} [body] @returns {Promise<any>} */
export async function post(path, body = {}) {
  const headers = { 'x-dashboard': 'hand', 'content-type': 'application/json' }
  const answer = await reach(path, { method: 'POST', headers, body: JSON.stringify(body) })
  return answer.json()
}

/** @param {string} path @param {RequestInit} request */
async function reach(path, request) {
  const lost = new NoAnswer('The receiver cannot be reached.', 0, RETRY_MS)
  const signal = AbortSignal.timeout(ANSWER_MS)
  const answer = await fetch(path, { ...request, signal }).catch(() => lost)
  if (answer instanceof NoAnswer) throw answer
  if (answer.ok) return answer
  throw await explain(answer)
}

/** @param {Response} answer */
async function explain(answer) {
  const { status } = answer
  const waitMs = Math.max(RETRY_MS, Number(answer.headers.get('retry-after') ?? 0) * 1_000)
  if (status === 429)
    return new NoAnswer('Too many wrong passwords: wait a minute.', status, waitMs)
  const told = await answer.json().catch(() => ({}))
  const text = typeof told.message === 'string' ? told.message : ''
  if (status < 500) return new NoAnswer(text || `The receiver answered ${status}.`, status)
  return new NoAnswer(`The receiver answered ${status}.`, status, waitMs)
}

import { DOCTOR_ANSWER, type SeenRequest } from '../../http/tell-doctor.ts'
import type { Exchange } from './exchange.ts'

/** What the receiver says it saw of the request; undefined: it does not say. */
export function readSeen(answer: Exchange): SeenRequest | undefined {
  const told = answer.isAnswered ? answer.headers[DOCTOR_ANSWER] : undefined
  if (typeof told !== 'string') return undefined
  try {
    const seen = JSON.parse(decodeURIComponent(told))
    return typeof seen.at === 'string' && typeof seen.client === 'string' ? seen : undefined
  } catch {
    return undefined
  }
}

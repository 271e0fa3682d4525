import type { AttemptJson } from '../../simulator/control/status-json.ts'
import { formatCounted, formatDuration, formatInstant } from '../terminal/figures.ts'
import type { Paint } from '../terminal/paint.ts'
import { safeText } from '../terminal/safe-text.ts'

/** One request as a line; where the provider gives up, it says so. */
export function describeAttempt(attempt: AttemptJson, paint: Paint): string {
  const { at, webhook, batch, events, status, duration_ms: durationMs, end } = attempt
  const answer = paint(status === 200 ? 'green' : 'red', safeText(String(status)))
  const which = attempt.attempt === 1 ? '' : `, attempt ${attempt.attempt}`
  const line = `${formatInstant(at)}  ${webhook}  batch ${batch}${which}, ${formatCounted(events, 'event')}: ${answer} in ${formatDuration(durationMs)}\n`
  if (end !== 'given_up') return line
  const note = `${webhook} is paused: that was the last retry. An e-mail would tell the account's owner.`
  return `${line}${formatInstant(at)}  ${paint('red', note)}\n`
}

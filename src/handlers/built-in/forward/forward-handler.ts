import { defineHandler, type Handler } from '../../define-handler.ts'
import type { AttemptInfo, HandlerContext } from '../../handler-context.ts'
import type { BuiltInFacts, ForwardOptions } from '../built-in-options.ts'
import { checkAnswer, readFailed } from './check-answer.ts'
import { openEndpoint } from './endpoint.ts'
import { ForwardError } from './forward-error.ts'
import { createRequestWriter } from './write-request.ts'

/** Posts events to an endpoint of the team's, one or several a request. */
export function createForwardHandler(
  { name, events }: BuiltInFacts,
  options: ForwardOptions,
): Handler {
  const { format, batchSize } = options
  const endpoint = openEndpoint(options)
  const write = createRequestWriter(options)

  /** Throws unless they arrived. */
  async function post(items: readonly AttemptInfo[], signal: AbortSignal) {
    const request = write(items, Math.floor(Date.now() / 1_000))
    const answer = await endpoint.post(request, { signal, readsBody: format === 'batch' })
    checkAnswer(answer, endpoint.label, Date.now())
    return answer
  }

  if (format === 'event') {
    const forward = (_: unknown, context: HandlerContext) => post([context], context.signal)
    return defineHandler({ name, on: Object.fromEntries(events.map((key) => [key, forward])) })
  }
  return defineHandler({
    name,
    events,
    batchSize,
    onBatch: async (items, { signal }) => {
      const answer = await post(items, signal)
      if (format === 'mailtrap') return []
      const ids = new Map(items.map(({ idempotencyKey, id }) => [idempotencyKey, id]))
      return readFailed(answer, endpoint.label).map((key) => {
        const id = ids.get(String(key))
        if (id !== undefined) return id
        throw new ForwardError(`${endpoint.label} named an id as failed that it was not sent.`)
      })
    },
  })
}

import { createHash } from 'node:crypto'
import { signMailtrapBody } from '../../../providers/mailtrap/signature.ts'
import { standardHeaders } from '../../../standard-webhooks.ts'
import { defineHandler, type Handler } from '../../define-handler.ts'
import type { AttemptInfo, HandlerContext } from '../../handler-context.ts'
import type { BuiltInFacts, ForwardOptions } from '../built-in-options.ts'
import { toJson, writeEvent } from '../event-form.ts'
import { checkAnswer, forwardError, readFailed } from './check-answer.ts'
import { type OutgoingRequest, openEndpoint } from './endpoint.ts'

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
        throw forwardError(`${endpoint.label} named an id as failed that it was not sent.`)
      })
    },
  })
}

const HEADERS = { 'content-type': 'application/json', 'user-agent': 'mailtrap-receiver' }

/** Makes the request of events; `seconds` are since 1970. */
function createRequestWriter({ format, secret }: ForwardOptions) {
  return (events: readonly AttemptInfo[], seconds: number): OutgoingRequest => {
    if (format === 'mailtrap') return writeMailtrap(events, secret ?? '')
    const [first] = events
    const texts = events.map(writeEvent)
    const body = format === 'event' ? (texts[0] ?? '') : `{"events":[${texts.join(',')}]}`
    const id = format === 'event' ? (first?.idempotencyKey ?? '') : idOfBatch(events)
    return { body, headers: { ...HEADERS, ...standardHeaders({ id, seconds, body }, secret) } }
  }
}

/** As Mailtrap writes and signs a batch. */
function writeMailtrap(events: readonly AttemptInfo[], secret: string): OutgoingRequest {
  const body = `{"events":[${events.map(toJson).join(',')}]}`
  return { body, headers: { ...HEADERS, ...signMailtrapBody(Buffer.from(body), secret) } }
}

/** The same whenever the same events are sent together. */
function idOfBatch(events: readonly AttemptInfo[]): string {
  const hash = createHash('sha256')
  for (const { idempotencyKey } of events) hash.update(`${idempotencyKey}\n`)
  return `batch:${hash.digest('base64url').slice(0, 22)}`
}

import type { BuiltIn, BuiltInKind } from '../../model.ts'
import { defineHandler, type Handler } from '../define-handler.ts'
import type { AttemptInfo, EventKey } from '../handler-context.ts'
import type { BuiltInFacts, BuiltInOptions } from './built-in-options.ts'
import { writeEvent } from './event-form.ts'
import type { Message } from './publish/broker.ts'
import { toRow } from './table/event-table.ts'

type Create<Options> = (facts: BuiltInFacts, options: Options) => Promise<Handler>

/** Loads only what such a handler needs: a client, a driver. */
const CREATE: { readonly [Kind in BuiltInKind]: Create<BuiltInOptions[Kind]> } = {
  async forward(facts, options) {
    const { createForwardHandler } = await import('./forward/forward-handler.ts')
    return createForwardHandler(facts, options)
  },

  /** Keeps each event as a row in a table of the team's. */
  async table(facts, options) {
    const { store } = options.url.startsWith('http')
      ? (await import('./table/clickhouse-table.ts')).createClickHouseTable(options)
      : (await import('./table/postgres-table.ts')).createPostgresTable(options)
    return defineHandler({
      ...facts,
      onBatch: (items, { signal }) => store(items.map(toRow), signal),
    })
  },

  /** Publishes each event to a broker. */
  async publish(facts, options) {
    const { publish } =
      options.exchange === undefined
        ? await (await import('./publish/nats.ts')).openNats(options)
        : await (await import('./publish/rabbitmq.ts')).openRabbit(options)
    return defineHandler({
      ...facts,
      onBatch: (items, { signal }) => publish(items.map(toMessage), signal),
    })
  },
}

/** Rejects when what it needs is not installed. */
export async function createBuiltIn({ kind, name, events, options }: BuiltIn): Promise<Handler> {
  return CREATE[kind]({ name, events: events as readonly EventKey[] }, options as never)
}

function toMessage(item: AttemptInfo & { readonly id: string }): Message {
  return {
    item: item.id,
    id: item.idempotencyKey,
    type: item.name ?? item.type,
    body: Buffer.from(writeEvent(item)),
  }
}

/** What providers' ids look like. Anything else might hold an address and is not logged. */
const ID = /^[\w.:-]{1,64}$/

/** The built-in handler `log`: one line per event, without personal data. */
export const logHandler = defineHandler({
  name: 'log',
  on: {
    '*': (event, { log, provider, source, type, name, occurredAt }) => {
      const data = typeof event.data === 'object' ? event.data : undefined
      log.info('event', {
        provider,
        source,
        type,
        name,
        event_id: findId(event, 'event_id', 'id'),
        message_id: findId({ ...data, ...event }, 'message_id'),
        occurred_at: occurredAt?.toISOString(),
      })
    },
  },
})

function findId(fields: Readonly<Record<string, unknown>>, ...names: string[]): string | undefined {
  const ids = names.map((name) => fields[name])
  return ids.find((id): id is string => typeof id === 'string' && ID.test(id))
}

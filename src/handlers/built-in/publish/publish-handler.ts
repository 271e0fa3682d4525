import { defineHandler, type Handler } from '../../define-handler.ts'
import type { BuiltInFacts, PublishOptions } from '../built-in-options.ts'
import { writeEvent } from '../event-form.ts'
import type { Broker } from './broker.ts'

/** Publishes each event to a broker. Rejects when the broker's package is not installed. */
export async function createPublishHandler(
  { name, events }: BuiltInFacts,
  options: PublishOptions,
): Promise<Handler> {
  const broker = await openBroker(options)
  return defineHandler({
    name,
    events,
    onBatch: (items, { signal }) => {
      const messages = items.map((item) => ({
        item: item.id,
        id: item.idempotencyKey,
        type: item.name ?? item.type,
        body: Buffer.from(writeEvent(item)),
      }))
      return broker.publish(messages, signal)
    },
  })
}

/** Loads only what it needs. */
async function openBroker(options: PublishOptions): Promise<Broker> {
  if (options.exchange === undefined) return (await import('./nats.ts')).openNats(options)
  return (await import('./rabbitmq.ts')).openRabbit(options)
}

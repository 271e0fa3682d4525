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
async function openBroker({ url, subject, exchange }: PublishOptions): Promise<Broker> {
  if (exchange === undefined) {
    const { openNats } = await import('./nats.ts')
    return openNats({ url, subject: subject ?? '' })
  }
  const { openRabbit } = await import('./rabbitmq.ts')
  return openRabbit({ url, exchange, subject })
}

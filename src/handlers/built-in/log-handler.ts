import { defineHandler } from '../define-handler.ts'

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

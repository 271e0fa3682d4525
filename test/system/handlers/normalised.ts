import { appendFileSync } from 'node:fs'
import { defineHandler, type HandlerContext, type NormalisedEvent } from 'mailtrap-receiver'

const runs = process.env['NORMALISED_FILE'] ?? 'normalised.jsonl'

function write(event: NormalisedEvent, { payload }: HandlerContext): void {
  const { name, provider, recipient, rank, bounce } = event
  const line = [`${provider} ${name}`, recipient, rank, bounce?.permanence ?? null, payload]
  appendFileSync(runs, `${JSON.stringify(line)}\n`)
}

/** Every name that is the same for all providers. */
export default defineHandler({
  name: 'normalised',
  on: {
    'email.delivered': write,
    'email.deferred': write,
    'email.bounced': write,
    'email.opened': write,
    'email.clicked': write,
    'email.unsubscribed': write,
    'email.complained': write,
    'email.rejected': write,
    'email.suspended': write,
  },
})

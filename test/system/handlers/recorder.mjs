import { appendFileSync } from 'node:fs'
import { defineHandler } from 'mailtrap-receiver'

const runs = process.env['RUNS_FILE'] ?? 'runs.jsonl'

/** Writes down every run, so that a second one of the same event cannot hide. */
export default defineHandler({
  name: 'recorder',
  on: {
    '*': async (_event, { idempotencyKey, type }) => {
      appendFileSync(runs, `${JSON.stringify([idempotencyKey, type])}\n`)
    },
  },
})

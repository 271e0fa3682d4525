import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { defineHandler } from 'mailtrap-receiver'

const ledger = openSync(process.env['LEDGER_FILE'] ?? 'ledger.jsonl', 'a')
process.once('exit', () => closeSync(ledger))

/**
 * Writes down every attempt that ended well before it says so: the checker's evidence. Synced, unless
 * LEDGER_SYNC is `off`: where only processes die.
 */
export default defineHandler({
  name: 'ledger',
  on: {
    '*': async (_event, { idempotencyKey, attempt }) => {
      writeSync(ledger, `${JSON.stringify([idempotencyKey, attempt])}\n`)
      if (process.env['LEDGER_SYNC'] !== 'off') fsyncSync(ledger)
    },
  },
})

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { defineHandler } from 'mailtrap-receiver'

const ledger = openSync(process.env['LEDGER_FILE'] ?? 'ledger.jsonl', 'a')
process.once('exit', () => closeSync(ledger))

/**
 * Writes down every attempt that ended well before it says so: the checker's evidence. Synced, unless
 * LEDGER_SYNC is `off`: where only processes die. Takes LEDGER_MS over each.
 */
export default defineHandler({
  name: 'ledger',
  on: {
    '*': async (_event, { idempotencyKey, attempt }) => {
      if (process.env['LEDGER_MS']) await wait(Number(process.env['LEDGER_MS']))
      writeSync(ledger, `${JSON.stringify([idempotencyKey, attempt])}\n`)
      if (process.env['LEDGER_SYNC'] !== 'off') fsyncSync(ledger)
    },
  },
})

import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineHandler } from 'mailtrap-receiver'

/** Says that it has begun, and goes on once there is the file `GATE`. */
export default defineHandler({
  name: 'gated',
  on: {
    '*': async (_event, { log }) => {
      log.info('begun')
      while (!existsSync(process.env.GATE)) await sleep(10)
    },
  },
})

import { existsSync } from 'node:fs'
import { defineHandler, PermanentError } from 'mailtrap-receiver'

/** Gives up on bounces until somebody mends it: until the file is there. */
export default defineHandler({
  name: 'suppress-bounces',
  on: {
    bounce: async (event) => {
      if (existsSync(process.env['MENDED_FILE'] ?? '')) return
      throw new PermanentError(`no list for ${event.email} (code ${event.timestamp})`)
    },
    '*': async () => {},
  },
})

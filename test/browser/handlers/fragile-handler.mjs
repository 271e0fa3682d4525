import { existsSync } from 'node:fs'
import { defineHandler, PermanentError } from 'mailtrap-receiver'

const isMended = () => existsSync(process.env['MENDED_FILE'] ?? '')

/** Gives up on bounces, and fails soft ones, until somebody mends it: until the file is there. */
export default defineHandler({
  name: 'suppress-bounces',
  on: {
    bounce: async (event) => {
      if (isMended()) return
      throw new PermanentError(`no list for ${event.email} (code ${event.timestamp})`)
    },
    'soft bounce': async () => {
      if (!isMended()) throw new Error('the list is away')
    },
    '*': async () => {},
  },
})

import { existsSync } from 'node:fs'
import { defineHandler } from 'mailtrap-receiver'

// As a library does that gives up on its connection some time after the start.
if (!existsSync(process.env.MENDED_FILE ?? '')) setTimeout(() => process.exit(3), 20)

export default defineHandler({ name: 'crashing', on: { spam: () => {} } })

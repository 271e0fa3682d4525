// A receiver as `serve` runs it, but for its leases: LEASE_MS says how long they are.
import { createApp } from '../../dist/app.js'
import { readSettings } from '../../dist/config.js'
import { createLogger } from '../../dist/observe/create-logger.js'

const settings = readSettings({ env: process.env })
const log = createLogger({ level: settings.logLevel })
const leaseMs = Number(process.env.LEASE_MS)
const app = createApp({ settings, log, version: 'test', leaseMs })
const { publicUrl, adminUrl } = await app.start()
log.info({ public_url: publicUrl, admin_url: adminUrl }, 'ready')

// A receiver as `serve` runs it, but for its leases, which last LEASE_MS, and for looking for causes every LOOK_EVERY_MS.
import { readFileSync } from 'node:fs'

const DIST = new URL('../../dist/', import.meta.url)
const [, build] = /'\.\/(\w+)\//.exec(readFileSync(new URL('main.js', DIST), 'utf8'))
const load = (name) => import(new URL(`${build}/${name}.mjs`, DIST))
const [{ createApp }, { readSettings }, { createLogger }] = await Promise.all(
  ['app', 'config', 'create-logger'].map(load),
)

const settings = readSettings({ env: process.env })
const log = createLogger({ level: settings.logLevel })
const read = (name) => (process.env[name] ? Number(process.env[name]) : undefined)
const [leaseMs, lookEveryMs] = ['LEASE_MS', 'LOOK_EVERY_MS'].map(read)
const app = createApp({ settings, log, version: 'test', leaseMs, lookEveryMs })
const { publicUrl, adminUrl } = await app.start()
log.info({ public_url: publicUrl, admin_url: adminUrl }, 'ready')

// A receiver as `serve` runs it, but that it looks for causes several times a second, and that SIGUSR2
// lets 20 seconds go by for whoever looks: nobody waits the minutes by which causes begin and end.

import { readFileSync } from 'node:fs'
import process from 'node:process'

const DIST = new URL('../../../dist/', import.meta.url)
const [, build] = /'\.\/(\w+)\//.exec(readFileSync(new URL('main.js', DIST), 'utf8'))
const load = (name) => import(new URL(`${build}/${name}.mjs`, DIST))
const [{ createApp }, { readSettings }, { createLogger }] = await Promise.all(
  ['app', 'config', 'create-logger'].map(load),
)

let aheadMs = 0
process.on('SIGUSR2', () => {
  aheadMs += 20_000
})
const read = () => readSettings({ env: process.env })
const settings = read()
const log = createLogger({ level: settings.logLevel })
const now = () => Date.now() + aheadMs
const app = createApp({ settings, log, version: 'test', now, lookEveryMs: 200 })
process.on('SIGHUP', () => void app.reload(read(), { isCodeNew: true }))
const { publicUrl, adminUrl } = await app.start()
log.info({ public_url: publicUrl, admin_url: adminUrl }, 'ready')

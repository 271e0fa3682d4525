import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { createApp } from '../../src/app.ts'
import { readSettings } from '../../src/config.ts'
import { captureLog } from '../observe/captured-log.ts'
import { sendSigned } from '../receive/send-request.ts'
import { SECRET } from '../receive/start-server.ts'
import { type AdminApi, createAdminApi } from '../system/admin-api.ts'

const HANDLERS = fileURLToPath(new URL('./handlers', import.meta.url))

export interface Dashboard {
  /** Without a slash at its end. */
  readonly url: string
  readonly api: AdminApi
  /** Signs and sends a body; events are put into an envelope. */
  send(body: string | readonly object[]): Promise<void>
  /** From now on bounces succeed. */
  mend(): void
  stop(): Promise<void>
}

/** A whole receiver with a dashboard; `prepare` may fill its data directory before. */
export async function startDashboard(
  env: Record<string, string> = {},
  prepare: (dataDir: string) => Promise<void> = async () => {},
): Promise<Dashboard> {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-page-'))
  const dataDir = join(folder, 'data')
  const mendedFile = join(folder, 'mended')
  await prepare(dataDir)
  const app = createApp({
    settings: readSettings({
      env: {
        MAILTRAP_SIGNING_SECRET: SECRET,
        MAILINGAPI_SIGNING_SECRET: SECRET,
        DATA_DIR: dataDir,
        HANDLERS,
        RETRY_SCHEDULE: '1h',
        HOST: '127.0.0.1',
        PORT: '0',
        ADMIN_PORT: '0',
        ...env,
      },
    }),
    log: captureLog({ level: 'silent' }).log,
    version: '0.1.0',
    env: { PATH: process.env['PATH'], MENDED_FILE: mendedFile },
    isBehindBalancer: false,
  })
  const { publicUrl, adminUrl = '' } = await app.start()
  const port = Number(new URL(publicUrl).port)
  return {
    url: adminUrl,
    api: createAdminApi(adminUrl),
    async send(body) {
      const text = typeof body === 'string' ? body : JSON.stringify({ events: body })
      const { status } = await sendSigned(port, text)
      if (status !== 200) throw new Error(`The receiver answered ${status}.`)
    },
    mend: () => writeFileSync(mendedFile, ''),
    async stop() {
      await app.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

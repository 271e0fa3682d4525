import { join } from 'node:path'
import { readSettings } from '../../config.ts'
import { createLogger } from '../../observe/create-logger.ts'
import { type CommandContext, readVersion } from '../command.ts'
import type { DemoPorts } from './demo-ports.ts'

export interface DemoPlaces {
  readonly dataDir: string
  readonly handlersDir: string
  readonly ports: DemoPorts
  readonly secret: string
}

/** A receiver like any other, with settings of its own; reached from this machine only. */
export async function createDemoApp(
  places: DemoPlaces,
  { env, stderr }: CommandContext,
  isVerbose: boolean,
) {
  const { createApp } = await import('../../app.ts')
  return createApp({
    settings: readSettings({ env: demoSettings(places) }),
    log: createLogger({ level: isVerbose ? 'info' : 'silent', output: stderr }),
    version: readVersion(),
    env: { ...env, ...handlerFiles(places) },
    isBehindBalancer: false,
  })
}

function demoSettings({ dataDir, handlersDir, ports, secret }: DemoPlaces) {
  return {
    MAILTRAP_SIGNING_SECRET: secret,
    DATA_DIR: dataDir,
    HANDLERS: handlersDir,
    HOST: '127.0.0.1',
    PORT: String(ports.port),
    ADMIN_PORT: String(ports.adminPort),
  }
}

/** In the data directory, what the handler `audit-alert` writes. */
export const ALERTS = 'audit-alerts.log'

/** Where the example handlers keep what they make; by themselves they would use ./data. */
function handlerFiles({ dataDir }: DemoPlaces) {
  return {
    SUPPRESSIONS_DB: join(dataDir, 'suppressions.db'),
    ENGAGEMENT_DB: join(dataDir, 'engagement.db'),
    ALERT_FILE: join(dataDir, ALERTS),
  }
}

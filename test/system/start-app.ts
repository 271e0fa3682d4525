import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AppParts } from '../../src/app/running-app.ts'
import { createApp } from '../../src/app.ts'
import { readSettings } from '../../src/config.ts'
import { captureLog } from '../observe/captured-log.ts'
import { SECRET } from '../receive/start-server.ts'
import { type AdminApi, createAdminApi } from './admin-api.ts'

// Not in TypeScript: translating it would take its process as long as all else at its start.
const RECORDER = fileURLToPath(new URL('./handlers/recorder.mjs', import.meta.url))

export interface TestApp {
  /** Of the public listener. */
  readonly port: number
  readonly api: AdminApi
  /** What the handler was run with, in order: the event's idempotency key and its type. */
  runs(): [key: string, type: string][]
  /** What another handler wrote, line by line: `typed` or `normalised`. */
  lines(handler: 'typed' | 'normalised'): unknown[]
  readonly folder: string
  readonly adminUrl: string
  /** Stops it and keeps its data; `restart` brings it back. */
  pause(): Promise<void>
  /** The same receiver, stopped and started on the same data directory. */
  restart(): Promise<TestApp>
  stop(): Promise<void>
}

type Env = Readonly<Record<string, string>>
type Parts = Pick<AppParts, 'lookEveryMs'>

/** The whole receiver in this process, with an empty store and a handler that records its runs. */
export function startApp(env: Env = {}, parts: Parts = {}): Promise<TestApp> {
  return startIn(mkdtempSync(join(tmpdir(), 'receiver-app-')), env, parts)
}

async function startIn(folder: string, env: Env, parts: Parts): Promise<TestApp> {
  const files = {
    RUNS_FILE: join(folder, 'runs.jsonl'),
    TYPED_FILE: join(folder, 'typed.jsonl'),
    NORMALISED_FILE: join(folder, 'normalised.jsonl'),
  }
  const settings = readSettings({
    env: {
      MAILTRAP_SIGNING_SECRET: SECRET,
      MAILINGAPI_SIGNING_SECRET: SECRET,
      DATA_DIR: join(folder, 'data'),
      HANDLERS: RECORDER,
      HOST: '127.0.0.1',
      PORT: '0',
      ADMIN_PORT: '0',
      ...env,
    },
  })
  const app = createApp({
    settings,
    log: captureLog({ level: 'silent' }).log,
    version: 'test',
    env: { PATH: process.env.PATH, ...files },
    isBehindBalancer: false,
    ...parts,
  })
  const { publicUrl, adminUrl = '' } = await app.start()
  return {
    port: Number(new URL(publicUrl).port),
    api: createAdminApi(adminUrl),
    runs: () => readLines(files.RUNS_FILE),
    lines: (handler) => readLines(handler === 'typed' ? files.TYPED_FILE : files.NORMALISED_FILE),
    folder,
    adminUrl,
    pause: () => app.stop(),
    async restart() {
      await app.stop()
      return startIn(folder, env, parts)
    },
    async stop() {
      await app.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function readLines<Line>(file: string): Line[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line))
}

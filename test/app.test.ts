import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createApp } from '../src/app.ts'
import { readSettings } from '../src/config.ts'
import { createLogger } from '../src/observe/create-logger.ts'
import { SECRET } from './http/start-server.ts'

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-app-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function createAppIn(folder: string, env: Record<string, string> = {}) {
  const settings = readSettings({
    env: {
      MAILTRAP_SIGNING_SECRET: SECRET,
      DATA_DIR: join(folder, 'data'),
      HANDLERS: 'built-in:log',
      HOST: '127.0.0.1',
      PORT: '0',
      ADMIN_PORT: '0',
      ...env,
    },
  })
  const parts = { settings, log: createLogger({ level: 'silent' }), version: 'test' }
  return createApp({ ...parts, env: { PATH: process.env.PATH } })
}

/** Another receiver can work where this one did: it has let go of its store. */
async function expectClosed(folder: string): Promise<void> {
  const next = createAppIn(folder)
  await next.start()
  await next.stopNow()
}

describe('a receiver that is stopped while it starts', () => {
  it('ends its start and leaves nothing open when it had hardly begun', async () => {
    const folder = newFolder()
    const app = createAppIn(folder)
    const started = expect(app.start()).rejects.toThrow('aborted')
    await app.stop()
    await started
    await expectClosed(folder)
  })

  it('ends its start and leaves nothing open while a handler loads', async () => {
    const folder = newFolder()
    const [handler, begun] = [join(folder, 'endless.mjs'), join(folder, 'begun')]
    writeFileSync(
      handler,
      `import { writeFileSync } from 'node:fs'
writeFileSync(${JSON.stringify(begun)}, '')
await new Promise(() => setInterval(() => {}, 1_000))\n`,
    )
    const app = createAppIn(folder, { HANDLERS: handler })
    const started = expect(app.start()).rejects.toThrow('aborted')
    await vi.waitFor(() => expect(existsSync(begun)).toBe(true))
    await app.stop()
    await started
    await expectClosed(folder)
  })
})

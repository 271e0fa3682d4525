import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sampleEvent, signedRequest } from 'mailtrap-receiver/testing'
import { describe, expect, it, vi } from 'vitest'
import { createApp } from '../src/app.ts'
import { readSettings } from '../src/config.ts'
import { captureLog } from './observe/captured-log.ts'
import { onTestFinished } from './on-test-finished.ts'
import { CERTIFICATES } from './receive/certificates.ts'
import { findFreePort } from './receive/find-free-port.ts'
import { SECRET } from './receive/start-server.ts'

const LOG = captureLog({ level: 'silent' }).log

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-app-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function readIn(folder: string, env: Record<string, string> = {}) {
  return readSettings({
    env: {
      MAILTRAP_SIGNING_SECRET: SECRET,
      DATA_DIR: join(folder, 'data'),
      HANDLERS: 'built-in:log',
      HOST: '127.0.0.1',
      PORT: '0',
      ADMIN_PORT: '0',
      LOG_LEVEL: 'fatal',
      ...env,
    },
  })
}

function createAppIn(folder: string, env?: Record<string, string>) {
  const parts = { settings: readIn(folder, env), log: LOG, version: 'test' }
  return createApp({ ...parts, env: { PATH: process.env.PATH } })
}

/** Another receiver can work where this one did: it has let go of its store. */
async function expectClosed(folder: string): Promise<void> {
  const next = createAppIn(folder)
  await next.start()
  await next.stopNow()
}

it('ends each sentence of its start’s error, where several handlers are wrong', async () => {
  const folder = newFolder()
  const handlers = ['one', 'two'].map((name) => join(folder, `${name}.mjs`))
  for (const handler of handlers) {
    const text = `import { defineHandler } from 'mailtrap-receiver'\nexport default defineHandler({ on: { bonce() {} } })`
    writeFileSync(handler, text)
  }
  const app = createAppIn(folder, { HANDLERS: handlers.join(',') })
  const error = await app.start().catch((reason: Error) => reason.message)
  expect(error).toMatch(/[.!?] The handler module [^\n]*(one|two)\.mjs/)
  expect(error).not.toMatch(/[^.!?] The handler module/)
})

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

describe('a receiver whose handler takes its time to load', () => {
  it('acknowledges at once, says that it is starting, and runs the handler for what came', async () => {
    const folder = newFolder()
    const [gate, ran] = [join(folder, 'gate'), join(folder, 'ran')]
    writeFileSync(
      join(folder, 'slow.mjs'),
      `import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineHandler } from 'mailtrap-receiver'
while (!existsSync(${JSON.stringify(gate)})) await sleep(20)
export default defineHandler({
  on: { '*': (event) => appendFileSync(${JSON.stringify(ran)}, event.event_id + ' ') },
})\n`,
    )
    const url = `http://127.0.0.1:${await findFreePort()}`
    const app = createAppIn(folder, {
      HANDLERS: join(folder, 'slow.mjs'),
      PORT: new URL(url).port,
    })
    onTestFinished(() => app.stopNow())
    const started = app.start()
    const request = signedRequest([sampleEvent('open', { event_id: 'early' })], { secret: SECRET })
    await vi.waitFor(async () =>
      expect((await fetch(`${url}${request.url}`, request)).status).toBe(200),
    )
    const readiness = await fetch(`${url}/readyz`)
    expect(readiness.status).toBe(503)
    expect(await readiness.json()).toMatchObject({ checks: { receiver: 'starting' } })
    expect(existsSync(ran)).toBe(false)
    writeFileSync(gate, '')
    await started
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({
      ready: true,
      checks: { receiver: 'ok' },
    })
    await vi.waitFor(() => expect(readFileSync(ran, 'utf8')).toBe('early '))
  })
})

/** Of a GET, whoever the certificate is for. */
async function getStatus(url: string): Promise<number | undefined> {
  const [answer] = await once(get(url, { rejectUnauthorized: false, agent: false }), 'response')
  answer.resume()
  return answer.statusCode
}

describe('a receiver whose data directory is no disk', () => {
  const isThere = existsSync('/dev/shm') && statfsSync('/dev/shm').type === 0x01021994

  it.skipIf(!isThere)('says so when it starts, as doctor does', async () => {
    const folder = mkdtempSync('/dev/shm/receiver-app-')
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const { log, lines } = captureLog()
    const parts = { settings: readIn(folder, { LOG_LEVEL: 'info' }), log, version: 'test' }
    const app = createApp({ ...parts, env: { PATH: process.env.PATH } })
    await app.start()
    onTestFinished(() => app.stopNow())
    expect(lines()).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        msg: `${join(folder, 'data')} is in memory: a restart of the machine loses everything. Use a disk.`,
      }),
    )
  })
})

describe('a receiver that is given other settings', () => {
  it('takes all that it can, and says of the rest why not', async () => {
    const folder = newFolder()
    const write = (name: string, content: string | Buffer) => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    }
    const tls = {
      TLS_CERT_FILE: write('cert', CERTIFICATES[0].cert),
      TLS_KEY_FILE: write('key', CERTIFICATES[0].key),
    }
    const app = createAppIn(folder, tls)
    const { publicUrl } = await app.start()
    onTestFinished(() => app.stopNow())
    const added = `${publicUrl}/webhooks/mailingapi`
    expect(await getStatus(added)).toBe(404)
    const fresh = readIn(folder, {
      ...tls,
      CONFIG_FILE: write('receiver.yaml', 'redact: { hash: [email] }'),
      HANDLERS: write('broken.mjs', 'export default {'),
      MAILINGAPI_SIGNING_SECRET: SECRET,
    })
    rmSync(tls.TLS_CERT_FILE)
    mkdirSync(join(folder, 'data/redact-key'))

    expect(await app.reload(fresh, { isCodeNew: false })).toEqual([
      expect.stringMatching(/^DATA_DIR is .*, where the key of hashed fields cannot be kept/),
      expect.stringMatching(/^TLS_CERT_FILE, TLS_KEY_FILE: ENOENT/),
      expect.stringContaining('broken.mjs: '),
    ])
    // A source that there was not: it is asked with the wrong method.
    expect(await getStatus(added)).toBe(405)
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { builtFile } from '../src/own-files.ts'
import { onTestFinished } from './on-test-finished.ts'
import { CERTIFICATES } from './receive/certificates.ts'

const CERTIFICATE = CERTIFICATES[0]!
const hasIpV6 = Object.values(networkInterfaces())
  .flat()
  .some((address) => address?.address === '::1')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'health-check-'))
  writeFileSync(join(folder, 'cert.pem'), CERTIFICATE.cert)
  writeFileSync(join(folder, 'key.pem'), CERTIFICATE.key, { mode: 0o600 })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A public listener that answers with `status`; 0: never. */
async function listen(status: number, options: { isTls?: boolean; host?: string } = {}) {
  const urls: string[] = []
  const answer: http.RequestListener = (request, response) => {
    urls.push(String(request.url))
    if (status > 0) response.writeHead(status).end('{}')
  }
  const server = options.isTls ? https.createServer(CERTIFICATE, answer) : http.createServer(answer)
  server.listen(0, options.host ?? '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: String((server.address() as AddressInfo).port), urls }
}

/** The check as the image runs it, in the folder that holds the settings. */
async function check(env: Record<string, string>) {
  const program = fileURLToPath(builtFile('health-check.mjs'))
  const child = spawn(process.execPath, [program], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  return { code: Number(code), said }
}

describe('the health check of the image', () => {
  it('is content with a receiver that answers 200', async () => {
    const { port, urls } = await listen(200)
    expect(await check({ PORT: port })).toEqual({ code: 0, said: '' })
    expect(urls).toEqual(['/healthz'])
  })

  it('asks at the port and address of the settings file', async () => {
    const { port } = await listen(200)
    writeFileSync(join(folder, 'receiver.yaml'), `host: 127.0.0.1\nport: ${port}\n`)
    expect(await check({ CONFIG_FILE: 'receiver.yaml' })).toEqual({ code: 0, said: '' })
  })

  it('speaks TLS where the receiver does, whatever name the certificate is for', async () => {
    const { port } = await listen(200, { isTls: true })
    const tls = { TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: 'key.pem' }
    expect(await check({ PORT: port, ...tls })).toEqual({ code: 0, said: '' })
    expect(await check({ PORT: port })).toMatchObject({ code: 1 })
  })

  it('asks itself when the receiver listens everywhere', async () => {
    const { port } = await listen(200, { host: '0.0.0.0' })
    expect(await check({ PORT: port, HOST: '0.0.0.0' })).toEqual({ code: 0, said: '' })
  })

  it.skipIf(!hasIpV6)('does so over IPv6 too, where the machine has it', async () => {
    const { port } = await listen(200, { host: '::' })
    expect(await check({ PORT: port, HOST: '::' })).toEqual({ code: 0, said: '' })
  })

  it('fails and says so when the answer is another, or none', async () => {
    const { port } = await listen(500)
    expect(await check({ PORT: port })).toEqual({ code: 1, said: 'The answer was 500.\n' })
    expect(await check({ PORT: '9' })).toEqual({
      code: 1,
      said: expect.stringContaining('The receiver cannot be reached: '),
    })
  })

  it('gives up before the engine does', async () => {
    const { port } = await listen(0)
    expect(await check({ PORT: port })).toEqual({
      code: 1,
      said: 'The receiver cannot be reached: no answer within 4000 ms\n',
    })
  })

  it('does not blame a running receiver for settings that were spoiled since', async () => {
    expect(await check({ PORT: 'many' })).toEqual({
      code: 0,
      said: expect.stringContaining('Not checked, because the settings are wrong now'),
    })
  })
})

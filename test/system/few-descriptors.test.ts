import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { signedRequest } from '../../src/handlers/signed-request.ts'
import { sampleEvent } from '../../src/handlers/testing.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { SECRET, startReceiver } from './receiver-process.ts'

const STRANGERS = 150
const ROUNDS = 10

it.skipIf(process.platform !== 'linux')(
  'lets silent connections give way before it has no descriptor left for a genuine request',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'receiver-few-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const env = { DATA_DIR: directory, HANDLERS: 'built-in:log', LOG_LEVEL: 'info' }
    const { publicUrl } = await startReceiver(env, { openFiles: 128 })
    const strangers: Socket[] = []
    onTestFinished(() => {
      for (const stranger of strangers) stranger.destroy()
    })
    for (let n = 0; n < STRANGERS; n++) strangers.push(await openConnection(publicUrl))

    // Where there is no descriptor left, all that ask are sent away at once, which leaves some for the next.
    for (let round = 0; round < ROUNDS; round++) {
      for (let n = 0; n < 5; n++) strangers.push(await openConnection(publicUrl))
      const { headers, body } = signedRequest([sampleEvent('open')], { secret: SECRET })
      const url = `${publicUrl}/webhooks/mailtrap`
      const { status } = await fetch(url, { method: 'POST', headers, body })
      expect(status).toBe(200)
    }
  },
)

function openConnection(url: string): Promise<Socket> {
  const { hostname: host, port } = new URL(url)
  const socket = connect({ host, port: Number(port) })
  // Those who were here first are sent away.
  socket.on('error', () => {})
  return new Promise((resolve) => socket.once('connect', () => resolve(socket)))
}

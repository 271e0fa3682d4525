import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { expect, it } from 'vitest'
import { makeFolder } from '../config/settings-folder.ts'
import { listen, type TakenRequest } from '../handlers/built-in/forward/listen.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { sendSigned } from '../receive/send-request.ts'
import { startApp } from './start-app.ts'

const EVENTS = 20
const makeSecret = (text: string) => `whsec_${Buffer.from(text.padEnd(32)).toString('base64')}`

function isSignedWith(secret: string, { body, headers }: TakenRequest): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}

it('several endpoints get the same events, each signed with its own secret', async () => {
  const secrets = ['first', 'second'].map(makeSecret)
  const endpoints = await Promise.all(secrets.map(() => listen()))
  const folder = makeFolder()
  const entries = endpoints.map(({ url }, n) => {
    writeFileSync(join(folder, `secret-${n}`), secrets[n]!)
    return `  - { forward: '${url}', name: endpoint-${n}, secret: { file: secret-${n} } }\n`
  })
  const file = join(folder, 'receiver.yaml')
  writeFileSync(file, `handlers:\n${entries.join('')}`)
  const app = await startApp({ HANDLERS: '', CONFIG_FILE: file })
  onTestFinished(() => app.stop())
  const events = Array.from({ length: EVENTS }, (_, n) => ({ event: 'open', event_id: `id-${n}` }))
  expect(await sendSigned(app.port, JSON.stringify({ events }))).toMatchObject({ status: 200 })
  await app.api.whenIdle({ timeout: 60_000 })
  for (const [n, { requests }] of endpoints.entries()) {
    expect(requests).toHaveLength(EVENTS)
    const signed = secrets.map(
      (secret) => requests.filter((one) => isSignedWith(secret, one)).length,
    )
    expect(signed[n]).toBe(EVENTS)
    expect(signed[1 - n]).toBe(0)
  }
})

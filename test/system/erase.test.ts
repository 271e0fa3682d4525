import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runCommand } from '../cli/run-command.ts'
import { sendSigned } from '../receive/send-request.ts'
import { startApp } from './start-app.ts'

const ANN = 'ann.lee@example.com'

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((path) => statSync(path).isFile())
}

function holds(directory: string, text: string): boolean {
  return filesOf(directory).some((file) =>
    readFileSync(file).toString('latin1').toLowerCase().includes(text),
  )
}

it('leaves no byte of an erased person in the data directory, and does not take it back', async () => {
  const data = mkdtempSync(join(tmpdir(), 'receiver-erase-'))
  const app = await startApp({ DATA_DIR: data })
  const text = Array.from({ length: 300 }, (_, n) =>
    JSON.stringify({
      event: n % 3 === 0 ? 'bounce' : 'delivery',
      event_id: `erase-${n}`,
      message_id: `m-${n}`,
      email: n % 5 === 0 ? 'Ann.Lee@Example.com' : `user${n}@example.com`,
    }),
  ).join('\n')
  const body = `${text}\n{"email":"ann.lee@example.com"\n`
  expect(await sendSigned(app.port, body)).toMatchObject({ status: 200 })
  await app.api.whenIdle()
  expect(holds(data, ANN)).toBe(true)
  const list = ['events', '--recipient', 'ann.lee@EXAMPLE.com', '--limit', '100', '--json']
  const { out: found } = await runCommand([...list, '--admin-url', app.api.url])
  expect(found.trim().split('\n')).toHaveLength(60)

  const erased = await runCommand([
    'erase',
    'ann.LEE@example.com',
    '--admin-url',
    app.api.url,
    '--json',
  ])
  expect(erased).toMatchObject({ exitCode: 0 })
  expect(JSON.parse(erased.out)).toMatchObject({
    events: 60,
    quarantined: 1,
    waiting: 0,
    wiped: true,
  })
  expect(holds(data, ANN)).toBe(false)
  expect(holds(data, 'user1@example.com')).toBe(true)

  expect(await sendSigned(app.port, text)).toMatchObject({ status: 200 })
  await expect.poll(async () => (await app.api.stats()).duplicates).toBe(300)
  const { out } = await runCommand([
    'events',
    '--recipient',
    'Ann.Lee@Example.com',
    '--admin-url',
    app.api.url,
  ])
  expect(out).toBe('')
  await app.stop()
  rmSync(data, { recursive: true, force: true })
})

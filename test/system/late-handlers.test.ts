import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sampleEvent, signedRequest } from 'mailtrap-receiver/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { canStartServers, type OwnServer, startOwnServer } from '../store/postgres/own-server.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { startDatabaseProxy } from './database-proxy.ts'
import { type ReceiverProcess, SECRET, startReceiver } from './receiver-process.ts'

const PATIENCE = { interval: 20 }

/** A handler that can be loaded once the file `gate` is there. */
function handlerCode(name: string, gate: string): string {
  return `import { existsSync } from 'node:fs'
import { defineHandler } from 'mailtrap-receiver'
if (!existsSync(${JSON.stringify(gate)})) throw new Error('not yet')
export default defineHandler({
  name: '${name}',
  on: { open: (event, { log }) => log.info('${name} ran ' + event.event_id) },
})\n`
}

async function enter(server: OwnServer) {
  const database = await createTestDatabase(server)
  const proxy = await startDatabaseProxy(database.url)
  const folder = mkdtempSync(join(tmpdir(), 'receiver-late-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const handlers = join(folder, 'handlers')
  mkdirSync(handlers)
  const gate = join(folder, 'gate')
  return {
    database,
    proxy,
    env: { STORE_URL: proxy.url, DATA_DIR: join(folder, 'data'), HANDLERS: handlers },
    addHandler: (name: string) => {
      writeFileSync(join(handlers, `${name}.mjs`), handlerCode(name, gate))
    },
    openGate: () => writeFileSync(gate, ''),
  }
}

async function post({ publicUrl }: ReceiverProcess): Promise<string> {
  const id = crypto.randomUUID()
  const request = signedRequest([sampleEvent('open', { event_id: id })], { secret: SECRET })
  const answer = await fetch(`${publicUrl}${request.url}`, request)
  expect(answer.status, await answer.text()).toBe(200)
  return id
}

/** One line with all these texts. */
function whenLogged({ lines }: ReceiverProcess, ...texts: string[]): Promise<void> {
  const isMeant = (line: string) => texts.every((text) => line.includes(text))
  return vi.waitFor(() => expect(lines.some(isMeant), texts.join()).toBe(true), PATIENCE)
}

const STARTED = 'handler process started'

describe.skipIf(!canStartServers())(
  'a handler that joins while PostgreSQL is away',
  { concurrent: true },
  () => {
    let server: OwnServer
    beforeAll(async () => {
      server = await startOwnServer()
    })
    afterAll(() => server.remove())

    const SAVED = 'SELECT name FROM handlers ORDER BY name'

    it('gets its events when its module loads late, after a start without the store', async () => {
      const { database, proxy, env, addHandler, openGate } = await enter(server)
      addHandler('late')
      proxy.disturb('cut')
      const receiver = await startReceiver(env)
      openGate()
      await whenLogged(receiver, STARTED, '"late"')
      const id = await post(receiver)
      proxy.mend()
      await whenLogged(receiver, `late ran ${id}`)
      const readSaved = () => database.execute(SAVED)
      await expect.poll(readSaved, PATIENCE).toEqual([{ name: 'late' }])
    })

    it('gets its events when it is added to a receiver that runs, and is known to all', async () => {
      const { database, proxy, env, addHandler, openGate } = await enter(server)
      addHandler('first')
      openGate()
      const receiver = await startReceiver(env)
      proxy.disturb('cut')
      addHandler('second')
      receiver.child.kill('SIGHUP')
      await whenLogged(receiver, 'settings read again')
      const id = await post(receiver)
      proxy.mend()
      await whenLogged(receiver, `first ran ${id}`)
      await whenLogged(receiver, `second ran ${id}`)
      const readSaved = () => database.execute(SAVED)
      await expect.poll(readSaved, PATIENCE).toEqual([{ name: 'first' }, { name: 'second' }])
    })
  },
)

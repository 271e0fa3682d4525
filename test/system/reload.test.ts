import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sampleEvent, signedRequest } from 'mailtrap-receiver/testing'
import { describe, expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { createAdminApi } from './admin-api.ts'
import { type ReceiverProcess, SECRET, startReceiver } from './receiver-process.ts'

const PATIENCE = { interval: 50 }
const NEW_SECRET = '00112233445566778899aabbccddeeff'
const RECORDER = fileURLToPath(new URL('./handlers/recorder.mjs', import.meta.url))

/** A folder with these files; each may be written anew while a receiver runs. */
function makeFolder(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-reload-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  mkdirSync(join(folder, 'handlers'))
  for (const [name, text] of Object.entries(files)) write(name, text)
  return { folder, write }
}

async function post({ publicUrl }: ReceiverProcess, secret = SECRET, source = 'mailtrap') {
  const id = crypto.randomUUID()
  const request = signedRequest([sampleEvent('open', { event_id: id })], { secret, source })
  const answer = await fetch(`${publicUrl}${request.url}`, request)
  await answer.arrayBuffer()
  return { id, status: answer.status }
}

function whenLogged({ lines }: ReceiverProcess, text: string, times = 1): Promise<void> {
  return vi.waitFor(
    () => expect(lines.join('\n').split(text).length, text).toBeGreaterThan(times),
    PATIENCE,
  )
}

/** A handler that tells which code of it ran, and takes as long as asked. */
function handlerCode(version: string, waitMs = 0): string {
  return `import { setTimeout as wait } from 'node:timers/promises'
import { defineHandler } from 'mailtrap-receiver'
export default defineHandler({
  name: 'changing',
  on: { open: async (event, { log }) => { await wait(${waitMs}); log.info('ran ${version} ' + event.event_id) } },
})\n`
}

/** Waits until the page, the API and the metrics know these handlers, all running, and no other. */
async function whenRunning({ adminUrl }: ReceiverProcess, names: readonly string[]): Promise<void> {
  const api = createAdminApi(adminUrl)
  await vi.waitFor(async () => {
    const handlers = Object.values(await api.handlers())
    // Of one that was taken out its jobs are known still.
    const here = handlers.filter(({ restarts, module }) => restarts !== null || module !== null)
    const health = here.map(({ name, running }) => [name, running])
    expect(health.sort()).toEqual(names.map((name) => [name, true]))
    const lines = (await api.metrics()).filter((line) =>
      line.startsWith('webhook_handler_running{'),
    )
    expect(lines.sort()).toEqual(
      names.map((name) => `webhook_handler_running{handler="${name}"} 1`),
    )
  }, PATIENCE)
}

describe('a receiver whose settings change while it runs', { concurrent: true }, () => {
  it('takes a new secret when its file changes, and refuses nothing meanwhile', async () => {
    const { folder, write } = makeFolder({ secret: SECRET })
    const receiver = await startReceiver({
      DATA_DIR: folder,
      HANDLERS: RECORDER,
      RUNS_FILE: '/dev/null',
      MAILTRAP_SIGNING_SECRET: undefined,
      MAILTRAP_SIGNING_SECRET_FILE: join(folder, 'secret'),
    })
    const statuses: number[] = []
    let isRotated = false
    const sending = (async () => {
      for (; !isRotated; await wait(10)) statuses.push((await post(receiver)).status)
    })()
    expect(await post(receiver, NEW_SECRET)).toMatchObject({ status: 401 })
    write('secret', `${NEW_SECRET},${SECRET}`)
    await vi.waitFor(
      async () => expect(await post(receiver, NEW_SECRET)).toMatchObject({ status: 200 }),
      PATIENCE,
    )
    isRotated = true
    await sending
    expect(statuses.filter((status) => status !== 200)).toEqual([])
    write('secret', NEW_SECRET)
    await vi.waitFor(
      async () => expect(await post(receiver)).toMatchObject({ status: 401 }),
      PATIENCE,
    )
  })

  it('lets old handler code finish its jobs and runs new code for those that follow', async () => {
    const { folder, write } = makeFolder({ 'handlers/changing.mjs': handlerCode('one', 1_500) })
    const receiver = await startReceiver({ DATA_DIR: folder, HANDLERS: join(folder, 'handlers') })
    const before = await post(receiver)
    const api = createAdminApi(receiver.adminUrl)
    await vi.waitFor(async () => {
      const [event] = await api.events()
      expect((await api.event(event?.id ?? '')).jobs).toMatchObject([{ attempt: 1 }])
    }, PATIENCE)
    write('handlers/changing.mjs', handlerCode('two'))
    receiver.child.kill('SIGHUP')
    await whenLogged(receiver, 'settings read again')
    // One entry: the look at the files after the start is nobody's doing.
    const trail = async () => (await fetch(`${receiver.adminUrl}/api/audit`)).json()
    await expect.poll(trail).toMatchObject({ audit: [{ action: 'reload', network: 'local' }] })
    const after = await post(receiver)
    await whenLogged(receiver, `ran two ${after.id}`)
    await whenLogged(receiver, `ran one ${before.id}`)
    const { jobs } = await api.whenIdle()
    expect(jobs).toEqual({ changing: expect.objectContaining({ done: 2, pending: 0, dead: 0 }) })
  })

  it('goes on with the old code when the new one cannot be loaded, and says why', async () => {
    const { folder, write } = makeFolder({ 'handlers/changing.mjs': handlerCode('one') })
    const receiver = await startReceiver({ DATA_DIR: folder, HANDLERS: join(folder, 'handlers') })
    write('handlers/changing.mjs', 'export default {')
    receiver.child.kill('SIGHUP')
    await whenLogged(receiver, 'Not taken, what ran before goes on')
    const { id } = await post(receiver)
    await whenLogged(receiver, `ran one ${id}`)
    await whenRunning(receiver, ['changing'])
    write('handlers/changing.mjs', handlerCode('two'))
    receiver.child.kill('SIGHUP')
    await whenLogged(receiver, 'settings read again', 2)
    const { id: next } = await post(receiver)
    await whenLogged(receiver, `ran two ${next}`)
    await whenRunning(receiver, ['changing'])
  })

  it('says of no handler that it is down once it is mended or taken out', async () => {
    const { folder, write } = makeFolder({
      'handlers/changing.mjs': 'export default {',
      'handlers/other.mjs': handlerCode('other').replace("'changing'", "'other'"),
    })
    const receiver = await startReceiver({ DATA_DIR: folder, HANDLERS: join(folder, 'handlers') })
    const readHandlers = createAdminApi(receiver.adminUrl).handlers
    await expect.poll(readHandlers).toMatchObject({ 'changing.mjs': { running: false } })
    write('handlers/changing.mjs', handlerCode('one'))
    await whenRunning(receiver, ['changing', 'other'])
    rmSync(join(folder, 'handlers/other.mjs'))
    receiver.child.kill('SIGHUP')
    await whenRunning(receiver, ['changing'])
  })

  it('takes sources and handlers that are added, and lets go of those that are removed', async () => {
    const yaml = (sources: string[], modules: string[]) =>
      `sources:\n${sources.map((name) => `  ${name}: { provider: mailtrap, secrets: [ { env: S } ] }\n`).join('')}` +
      `handlers:\n${modules.map((module) => `  - module: ${module}\n`).join('')}`
    const { folder, write } = makeFolder({
      'receiver.yaml': yaml(['first'], ['./handlers/changing.mjs']),
      'handlers/changing.mjs': handlerCode('one'),
      'handlers/other.mjs': handlerCode('other').replace("'changing'", "'other'"),
    })
    const receiver = await startReceiver({
      DATA_DIR: folder,
      CONFIG_FILE: join(folder, 'receiver.yaml'),
      MAILTRAP_SIGNING_SECRET: undefined,
      S: SECRET,
    })
    expect(await post(receiver, SECRET, 'second')).toMatchObject({ status: 404 })
    write('receiver.yaml', yaml(['second'], ['./handlers/other.mjs']))
    // Not that nothing in them has changed, which a late look at the first ones may say.
    await whenLogged(receiver, '"msg":"settings read again"')
    const { id, status } = await post(receiver, SECRET, 'second')
    expect(status).toBe(200)
    expect(await post(receiver, SECRET, 'first')).toMatchObject({ status: 404 })
    await whenLogged(receiver, `ran other ${id}`)
    expect(receiver.lines.join('\n')).not.toContain(`ran one ${id}`)
  })

  it('changes nothing for settings with a problem, and tells of those that need a restart', async () => {
    const yaml = (text: string) =>
      `sources: { mailtrap: { provider: mailtrap, secrets: [ { env: S } ] } }\n${text}`
    const { folder, write } = makeFolder({ 'receiver.yaml': yaml('') })
    const receiver = await startReceiver({
      DATA_DIR: folder,
      CONFIG_FILE: join(folder, 'receiver.yaml'),
      MAILTRAP_SIGNING_SECRET: undefined,
      S: SECRET,
    })
    write('receiver.yaml', yaml('bodyLimit: much'))
    await whenLogged(receiver, 'settings were not taken; those from before hold')
    expect(await post(receiver)).toMatchObject({ status: 200 })
    write('receiver.yaml', 'sources: {}')
    await whenLogged(receiver, 'settings were not taken; those from before hold', 2)
    write('receiver.yaml', yaml('bodyLimit: 2MB'))
    await whenLogged(receiver, 'BODY_LIMIT changed: that takes a restart')
    expect(await post(receiver)).toMatchObject({ status: 200 })
  })

  it('reads them again when it is asked to during its start, and goes on starting', async () => {
    const { folder } = makeFolder({
      'handlers/slow.mjs': `import { existsSync, writeFileSync } from 'node:fs'
        import { setTimeout } from 'node:timers/promises'
        writeFileSync(process.env.FOLDER + '/loading', '')
        while (!existsSync(process.env.FOLDER + '/go')) await setTimeout(20)
        export { default } from ${JSON.stringify(RECORDER)}`,
    })
    let child: ChildProcess | undefined
    const env = {
      ...{ FOLDER: folder, DATA_DIR: folder, RUNS_FILE: '/dev/null' },
      HANDLERS: join(folder, 'handlers'),
    }
    const starting = startReceiver(env, {
      onSpawn: (own) => {
        child = own
      },
    })
    await vi.waitFor(() => expect(existsSync(join(folder, 'loading'))).toBe(true), PATIENCE)
    child?.kill('SIGHUP')
    child?.kill('SIGHUP')
    writeFileSync(join(folder, 'go'), '')
    const receiver = await starting
    await whenLogged(receiver, 'asked by SIGHUP')
    expect(await post(receiver)).toMatchObject({ status: 200 })
  })
})

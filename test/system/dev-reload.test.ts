import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sampleEvent, signedRequest } from 'mailtrap-receiver/testing'
import { describe, expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { type ReceiverProcess, SECRET, startReceiver } from './receiver-process.ts'

const PATIENCE = { interval: 20 }

const MODULE = `import { defineHandler } from 'mailtrap-receiver'
import { version } from './lib/version.ts'
export default defineHandler({
  name: 'greeting',
  on: {
    open: async (event, { log }) => {
      const { late } = await import('./lib/late.ts')
      log.info('ran ' + version + ' ' + late)
    },
  },
})\n`
const OTHER = `import { defineHandler } from 'mailtrap-receiver'
export default defineHandler({ name: 'other', on: { click: () => {} } })\n`

const say = (name: string, value: string) => `export const ${name}: string = '${value}'\n`

/** A receiver for who writes handlers, and the folder of these. */
async function startDeveloping() {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-dev-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  mkdirSync(join(folder, 'handlers/lib'), { recursive: true })
  // At once: a file that is seen half written is one more change.
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, 'written'), text)
    renameSync(join(folder, 'written'), join(folder, 'handlers', name))
  }
  write('greeting.ts', MODULE)
  write('other.ts', OTHER)
  write('lib/version.ts', say('version', 'one'))
  write('lib/late.ts', say('late', 'early'))
  const env = { DATA_DIR: join(folder, 'data'), HANDLERS: join(folder, 'handlers') }
  const receiver = await startReceiver(env, { flags: ['--dev'] })
  return { receiver, folder, write }
}

/** Sends an event of its own, and waits until a handler has said this of it. */
async function expectRun({ publicUrl, lines }: ReceiverProcess, text: string): Promise<void> {
  const event = sampleEvent('open', { event_id: crypto.randomUUID() })
  const request = signedRequest([event], { secret: SECRET })
  const answer = await fetch(`${publicUrl}${request.url}`, request)
  const { batch } = (await answer.json()) as { batch: string }
  await vi.waitFor(() => {
    const said = lines.find((one) => one.includes(`"batch":"${batch}"`) && one.includes('ran '))
    expect(JSON.parse(said ?? '{}')).toMatchObject({
      ...{ handler: 'greeting', batch, attempt: 1, event: expect.stringMatching(/^\d+$/) },
      msg: expect.stringContaining(text),
    })
  }, PATIENCE)
}

function whenTold({ lines }: ReceiverProcess, text: string, times = 1): Promise<string[]> {
  return vi.waitFor(() => {
    const told = lines.filter((line) => line.includes(text))
    expect(told.length, `${text}\n${lines.join('\n')}`).toBeGreaterThanOrEqual(times)
    return told
  }, PATIENCE)
}

describe('serve --dev', { concurrent: true }, () => {
  it('loads a handler anew when its file changes, or one that it imports, and says so in a line', async () => {
    const { receiver, write } = await startDeveloping()
    await expectRun(receiver, 'ran one early')
    write('lib/version.ts', say('version', 'two'))
    const [line = ''] = await whenTold(receiver, 'version.ts changed: greeting runs anew')
    expect(JSON.parse(line)).toMatchObject({ level: 'info', handler: 'greeting' })
    await expectRun(receiver, 'ran two early')
    write('greeting.ts', MODULE.replace("'ran '", "'RAN, ran '"))
    await whenTold(receiver, 'greeting.ts changed: greeting runs anew')
    await expectRun(receiver, 'RAN, ran two early')
    // What is imported while an event runs.
    write('lib/late.ts', say('late', 'late'))
    await whenTold(receiver, 'late.ts changed: greeting runs anew')
    await expectRun(receiver, 'RAN, ran two late')
    // Each alone: the other one imports nothing of all this, and nobody imports it.
    write('other.ts', `${OTHER}\n`)
    await whenTold(receiver, 'other.ts changed: other runs anew')
    for (const told of receiver.lines.filter((one) => one.includes(' changed: ')))
      expect(told).toContain(
        `changed: ${told.includes('other.ts') ? 'other' : 'greeting'} runs anew`,
      )
  })

  it('goes on with the code from before when a file breaks, says so, and takes the mended one', async () => {
    const { receiver, write } = await startDeveloping()
    write('lib/version.ts', 'export const version = {')
    const [line = ''] = await whenTold(
      receiver,
      'version.ts changed, and greeting cannot be loaded: the code from before goes on',
    )
    expect(JSON.parse(line)).toMatchObject({
      level: 'error',
      error: expect.stringContaining('version.ts'),
    })
    await expectRun(receiver, 'ran one early')
    // What only the broken code imports is followed, too.
    write('lib/extra.ts', 'export const extra = {')
    write('lib/version.ts', "export { extra as version } from './extra.ts'\n")
    await whenTold(receiver, 'greeting cannot be loaded', 2)
    write('lib/extra.ts', say('extra', 'three'))
    await whenTold(receiver, 'extra.ts changed: greeting runs anew')
    await expectRun(receiver, 'ran three early')
  })

  it('runs a handler that is put into the folder, and ends one that is taken out', async () => {
    const { receiver, folder, write } = await startDeveloping()
    write('third.ts', OTHER.replace("'other'", "'third'"))
    await whenTold(receiver, '"handler":"third","pid"')
    rmSync(join(folder, 'handlers/other.ts'))
    await whenTold(receiver, '"handler":"other","pid"', 2)
  })

  it('follows no code where nobody develops', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'receiver-dev-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
    const module = join(folder, 'other.ts')
    writeFileSync(module, OTHER)
    const receiver = await startReceiver({ DATA_DIR: folder, HANDLERS: module })
    writeFileSync(module, `${OTHER}\n`)
    receiver.child.kill('SIGHUP')
    await whenTold(receiver, 'settings read again')
    expect(receiver.lines.join()).not.toContain('other.ts changed')
  })
})

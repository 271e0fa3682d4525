import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { kill, type Running, runShell, startShell } from './shell.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BUILT = /^[0-9a-f]{16}$/
const HANDLER = `import { defineHandler } from 'mailtrap-receiver'
export default defineHandler({ on: { '*': () => {} } })`

/** A checkout of its own, with the build that is here. */
function checkOut(): string {
  const folder = mkdtempSync(join(tmpdir(), 'checkout-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const copied = ['src', 'dist', '.build.mjs', 'tsconfig.json', 'package.json', 'package-lock.json']
  for (const name of copied) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  mkdirSync(join(folder, 'handlers'))
  writeFileSync(join(folder, 'handlers/one.ts'), HANDLER)
  return folder
}

function changeSources(folder: string): void {
  writeFileSync(join(folder, 'src/more.ts'), `export const more = '${Math.random()}'\n`)
}

const build = (folder: string) => runShell('npm run --silent build', { cwd: folder, env: {} })
const listBuilds = (folder: string) =>
  readdirSync(join(folder, 'dist')).filter((name) => BUILT.test(name))

/** `npm start`, on any free ports. */
function start(folder: string, dataDir: string): Running {
  const listeners = { HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: '0' }
  const env = { MAILTRAP_SIGNING_SECRET: 'a'.repeat(32), DATA_DIR: join(folder, dataDir) }
  const running = startShell('exec npm start --silent', {
    cwd: folder,
    env: { ...listeners, ...env },
  })
  onTestFinished(async () => {
    kill(running)
    await running.ended
  })
  return running
}

const waitUntilReady = ({ printed }: Running) =>
  expect.poll(printed, { interval: 20 }).toContain('"msg":"ready"')

/** Its handler's process, by what the log says of it. */
const handlerPids = (out: string) =>
  [...out.matchAll(/"pid":(\d+)[^\n]*"msg":"handler process started"/g)].map(([, pid]) =>
    Number(pid),
  )

it('builds nothing when there is a build of these sources', async () => {
  const folder = checkOut()
  const before = listBuilds(folder)
  await build(folder)
  expect(listBuilds(folder)).toEqual(before)
  changeSources(folder)
  await build(folder)
  // One of many before it may have gone.
  expect(listBuilds(folder).filter((name) => !before.includes(name))).toHaveLength(1)
})

it('leaves to a receiver that runs the build that it began with, while another is made and run', async () => {
  const folder = checkOut()
  const first = start(folder, 'data-1')
  await waitUntilReady(first)
  const [used] = readdirSync(join(folder, 'dist')).filter(
    (name) =>
      existsSync(join(folder, 'dist', name, 'main.mjs')) &&
      readdirSync(join(folder, 'dist', name)).some((file) => file.startsWith('run-by-')),
  )
  // More than are kept.
  for (let n = 0; n < 11; n++) {
    cpSync(join(folder, 'dist', String(used)), join(folder, 'dist', String(n).padStart(16, '0')), {
      recursive: true,
      filter: (file) => !file.includes('run-by-'),
    })
  }
  changeSources(folder)
  const second = start(folder, 'data-2')
  await waitUntilReady(second)
  expect(listBuilds(folder).length).toBeLessThan(13)

  // A handler's process is started from the files of the build.
  await expect.poll(() => handlerPids(first.printed()), { interval: 20 }).toHaveLength(1)
  process.kill(Number(handlerPids(first.printed())[0]), 'SIGKILL')
  await vi.waitFor(() => expect(handlerPids(first.printed())).toHaveLength(2), { interval: 20 })
})

it('has compiled what the process of a TypeScript handler translates it with', async () => {
  const folder = checkOut()
  // By this Node, whichever made the build that is here.
  changeSources(folder)
  await build(folder)
  const [name = ''] = /[0-9a-f]{16}/.exec(readFileSync(join(folder, 'dist/main.js'), 'utf8')) ?? []
  const listCompiled = () =>
    readdirSync(join(folder, 'dist', name, 'compiled')).filter((file) => file.startsWith('babel'))
  const before = listCompiled()
  await waitUntilReady(start(folder, 'data'))
  // What V8 would not take would have been kept by the process itself, beside it.
  expect(before).not.toEqual([])
  expect(listCompiled()).toEqual(before)
})

it('starts the build that is there where nothing could make another', async () => {
  const folder = checkOut()
  rmSync(join(folder, 'node_modules'))
  mkdirSync(join(folder, 'node_modules'))
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== 'typescript')
      symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  }
  changeSources(folder)
  const before = listBuilds(folder)
  const receiver = start(folder, 'data')
  await waitUntilReady(receiver)
  expect(listBuilds(folder)).toEqual(before)
})

it('stops in good order when its npm is told to stop, or all of its group', async () => {
  const folder = checkOut()
  for (const who of ['npm', 'group']) {
    const running = start(folder, `data-${who}`)
    await waitUntilReady(running)
    const pid = Number(running.child.pid)
    process.kill(who === 'npm' ? pid : -pid, 'SIGTERM')
    await running.ended
    expect(running.printed()).toContain('"msg":"stopped"')
    expect(running.printed()).not.toContain('Stopped at once')
  }
})

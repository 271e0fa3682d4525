import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { startReceiver } from './receiver-process.ts'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const API = fileURLToPath(new URL('../../dist/index.js', import.meta.url))

const asModule = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`

/** Signals the process whenever a module is loaded that is not Node's, nor the first. */
const SIGNALLING = asModule(`
  import { register } from 'node:module'
  register(${JSON.stringify(
    asModule(`export async function load(url, context, next) {
      if (url.startsWith('file:') && !/\\/main\\.m?js$/.test(url)) process.kill(process.pid, 'SIGUSR1')
      return next(url, context)
    }`),
  )})`)

it('is not opened by a signal from the first module of ours on', async () => {
  const flags = ['--import', SIGNALLING, MAIN, '--help']
  const { stdout, stderr } = await promisify(execFile)(process.execPath, flags)
  expect(stdout).toContain('Usage: mailtrap-receiver')
  expect(stderr).not.toMatch(/inspector|debugger/i)
})

it('is not opened for a handler that signals the receiver', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-inspector-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(
    join(folder, 'curious.mjs'),
    `import { writeFileSync } from 'node:fs'
    import { setTimeout as sleep } from 'node:timers/promises'
    import { defineHandler } from ${JSON.stringify(API)}
    for (let n = 0; n < 10; n++) {
      process.kill(process.ppid, 'SIGUSR1')
      await sleep(50)
    }
    writeFileSync(${JSON.stringify(join(folder, 'signalled'))}, String(process.ppid))
    export default defineHandler({ on: { '*': () => {} } })`,
  )
  const { child, lines } = await startReceiver({ DATA_DIR: join(folder, 'data'), HANDLERS: folder })
  await vi.waitFor(() => {
    expect(readFileSync(join(folder, 'signalled'), 'utf8')).toBe(String(child.pid))
  })
  expect(lines.join('\n')).not.toMatch(/inspector|debugger/i)
})

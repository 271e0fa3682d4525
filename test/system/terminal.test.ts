import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { sampleEvent, signedRequest } from 'mailtrap-receiver/testing'
import { describe, expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { SECRET } from './receiver-process.ts'

const PATIENCE = { interval: 20 }
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
/** Gives a program a terminal; macOS has another of this name. */
const hasTerminals = /util-linux/.test(spawnSync('script', ['--version']).stdout?.toString() ?? '')
if (!hasTerminals) process.stderr.write('SKIPPED: tests on a terminal; util-linux is not here\n')

const FAILING = `import { defineHandler } from 'mailtrap-receiver'
export default defineHandler({
  name: 'failing',
  on: {
    open: (event, { log }) => {
      log.warn(new Error('told\\x1b[2Jby the log'))
      throw new Error('broken')
    },
  },
})\n`

/** A receiver whose output is a terminal, and what that shows. */
async function startOnTerminal() {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-terminal-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const module = join(folder, 'failing.mjs')
  writeFileSync(module, FAILING)
  const env = {
    ...{ PATH: process.env['PATH'], TERM: 'dumb', DATA_DIR: folder, HANDLERS: module },
    ...{ MAILTRAP_SIGNING_SECRET: SECRET, HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: 'off' },
  }
  const pidFile = join(folder, 'pid')
  const command = `echo $$ > '${pidFile}'; exec '${process.execPath}' '${MAIN}' serve`
  const terminal = spawn('script', ['-qefc', command, '/dev/null'], { env })
  const readPid = () => Number(readFileSync(pidFile, 'utf8'))
  onTestFinished(() => {
    if (terminal.exitCode === null && existsSync(pidFile)) process.kill(readPid(), 'SIGKILL')
  })
  const ended = once(terminal, 'close')
  const parts: Buffer[] = []
  terminal.stdout.on('data', (part: Buffer) => parts.push(part))
  const shown = () => Buffer.concat(parts).toString()
  const whenShown = (text: RegExp) =>
    vi.waitFor(() => {
      const found = text.exec(stripVTControlCharacters(shown()).replaceAll('\r', ''))
      expect(found, `${text}\n${shown()}`).not.toBeNull()
      return found?.[1] ?? ''
    }, PATIENCE)
  const publicUrl = await whenShown(/"public_url":"([^"]+)"/)
  const signal = (name: NodeJS.Signals) => process.kill(readPid(), name)
  return { publicUrl, shown, whenShown, signal, ended }
}

describe.skipIf(!hasTerminals)('a receiver on a terminal', () => {
  it('reads its settings again on SIGHUP, and does not end', async () => {
    const { whenShown, signal, ended, shown } = await startOnTerminal()
    signal('SIGHUP')
    await whenShown(/settings read again/)
    signal('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(shown()).toContain('stopped')
  })

  it('shows a stack in lines, below what failed, and lets no text steer the terminal', async () => {
    const { publicUrl, whenShown, shown } = await startOnTerminal()
    const request = signedRequest([sampleEvent('open')], { secret: SECRET })
    expect((await fetch(`${publicUrl}${request.url}`, request)).status).toBe(200)
    await whenShown(
      /attempt failed; .*\n {4}error: Error: broken\n {8}at \S*open \(.*failing\.mjs:7/,
    )
    await whenShown(/\[failing\] Error: told.*by the log .*\n {8}at \S*open \(.*failing\.mjs:6/)
    expect(shown()).not.toContain('\x1b[2J')
  })
})

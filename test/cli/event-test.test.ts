import { execFile } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { signedRequest } from 'mailtrap-receiver/testing'
import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { createAdminApi } from '../system/admin-api.ts'
import { SECRET, startReceiver } from '../system/receiver-process.ts'
import { runCommand } from './run-command.ts'

const HANDLER = `import { defineHandler, PermanentError } from 'mailtrap-receiver'

export default defineHandler({
  name: 'strict',
  on: {
    bounce: (event, { payload }) => {
      if (!payload.includes('9007199254740993')) throw new PermanentError('lost a digit')
      if (event.category === undefined) throw new PermanentError('no category')
    },
  },
})
`
const MENDED = HANDLER.replace('event.category === undefined', 'false')

/** A team's project, with a receiver that runs its handlers. */
async function startProject() {
  const folder = mkdtempSync(join(tmpdir(), 'event-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  for (const name of ['node_modules', 'dist']) symlinkSync(resolve(name), join(folder, name))
  copyFileSync('package.json', join(folder, 'package.json'))
  mkdirSync(join(folder, 'handlers'))
  const write = (name: string, text: string) => writeFileSync(join(folder, 'handlers', name), text)
  write('strict.ts', HANDLER)
  const receiver = await startReceiver({
    ...{ DATA_DIR: join(folder, 'data'), HANDLERS: join(folder, 'handlers') },
    FORWARD_URL: 'http://127.0.0.1:9/',
  })
  const run = (...argv: string[]) =>
    runCommand(['events', 'show', ...argv, '--admin-url', receiver.adminUrl])
  return { receiver, folder, write, run }
}

/** What a team's runner of tests says of its handlers' tests. */
async function runTests(cwd: string): Promise<{ passed: number; failed: number; output: string }> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV)/.test(name)),
  )
  const args = ['run', '--dir', 'handlers', '--reporter=json']
  const output = await new Promise<string>((done) => {
    execFile(resolve('node_modules/.bin/vitest'), args, { cwd, env }, (_error, stdout) =>
      done(stdout),
    )
  })
  const report = JSON.parse(output.slice(output.indexOf('{')))
  return { passed: report.numPassedTests, failed: report.numFailedTests, output }
}

describe('mailtrap-receiver events show --as-test', () => {
  it('prints a test that fails as the handler did, and passes once that is mended', async () => {
    const { receiver, folder, write, run } = await startProject()
    // A number that a parsed object would change.
    const text = `{"event":"bounce","event_id":"e-1","email":"ann@example.com","timestamp":1768651200,"order":9007199254740993}`
    const request = signedRequest(text, { secret: SECRET })
    expect((await fetch(`${receiver.publicUrl}${request.url}`, request)).status).toBe(200)
    const api = createAdminApi(receiver.adminUrl)
    await expect
      .poll(async () => (await api.stats()).jobs['strict']?.dead, { timeout: 60_000 })
      .toBe(1)
    const { out, err, exitCode } = await run('1048576', '--as-test')
    expect(exitCode, err).toBe(0)
    expect(err).toContain('strict.event-1048576.test.ts')
    expect(out).toContain('// What came of it last: PermanentError: no category')
    write('strict.event-1048576.test.ts', out)
    const before = await runTests(folder)
    expect([before.passed, before.failed], before.output).toEqual([0, 1])
    expect(before.output).toContain('no category')
    write('strict.ts', MENDED)
    const after = await runTests(folder)
    expect([after.passed, after.failed], after.output).toEqual([1, 0])
    expect(readFileSync(join(folder, 'handlers/strict.event-1048576.test.ts'), 'utf8')).toBe(out)
  })

  it('says which handlers can be tested when the one that is meant has no module', async () => {
    const { receiver, run } = await startProject()
    const request = signedRequest('{"event":"open","event_id":"e-2"}', {
      secret: SECRET,
    })
    expect((await fetch(`${receiver.publicUrl}${request.url}`, request)).status).toBe(200)
    const api = createAdminApi(receiver.adminUrl)
    await expect.poll(async () => (await api.events()).length, { timeout: 60_000 }).toBe(1)
    const own = await run('1048576', '--as-test')
    expect(own.exitCode).toBe(1)
    expect(own.err).toContain('The handler forward has no module of yours')
    expect(own.err).toContain('--handler: strict')
    const other = await run('1048576', '--as-test', '--handler', 'nobody')
    expect(other.err).toContain('The handler nobody is not among those that run')
    const given = await run('1048576', '--as-test', '--handler', 'strict')
    expect(given.exitCode).toBe(0)
    expect(given.out).toContain('"event": "open"')
  })
})

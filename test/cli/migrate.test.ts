import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { makeSample, newFolder, withStore } from '../store/copied-store.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { runCommand } from './run-command.ts'

const server = await findTestServer()
const sample = await makeSample()
/** Nobody listens there. */
const NOWHERE = 'postgres://app:hunter2@127.0.0.1:1/receiver'

const migrate = (from: string, ...others: string[]) => ['migrate', '--from', from, ...others]

describe('mailtrap-receiver migrate', () => {
  it('helps, with examples and what to do first', async () => {
    const { exitCode, out } = await runCommand(['migrate', '--help'])
    expect(exitCode).toBe(0)
    expect(out).toContain('Usage: mailtrap-receiver migrate')
    expect(out).toMatch(/Examples:\n {2}mailtrap-receiver migrate/)
    expect(out).toContain('Stop the receiver first')
  })

  it.each([
    [['migrate'], "required option '--from <url>' not specified"],
    [migrate('sqlite:a.db'), 'say where to, with --to or STORE_URL'],
    [migrate('a.db', '--to', NOWHERE), '--from is no address of a store'],
    [migrate(NOWHERE, '--to', NOWHERE), '--from has to be sqlite:'],
    [migrate('sqlite:a.db', '--to', 'sqlite:b.db'), '--to has to be postgres://'],
    [migrate('sqlite:a.db', '--to', 'postgres://app:hunter2@'), '--to '],
  ])('answers %j with exit code 2, and never shows a password', async (argv, problem) => {
    const { exitCode, out, err } = await runCommand(argv)
    expect(exitCode).toBe(2)
    expect(out).toBe('')
    expect(err).toContain(problem)
    expect(err).toContain('Try: mailtrap-receiver migrate --help')
    expect(err).not.toContain('hunter2')
  })

  it('says that there is no such file', async () => {
    const file = join(newFolder(), 'receiver.db')
    const { exitCode, err } = await runCommand(migrate(`sqlite:${file}`, '--to', NOWHERE))
    expect(exitCode).toBe(1)
    expect(err).toContain(`There is no file ${file}.`)
  })

  it('says that a receiver works on the file', async () => {
    const folder = newFolder()
    const file = join(folder, 'receiver.db')
    await withStore(folder, async () => {
      const { exitCode, err } = await runCommand(migrate(`sqlite:${file}`, '--to', NOWHERE))
      expect(exitCode).toBe(1)
      expect(err).toContain(`A receiver, or another migrate, works on ${file}. Stop it first`)
    })
  })

  it('says that the database is away, and that it can be tried again', async () => {
    const folder = newFolder()
    const file = join(folder, 'receiver.db')
    await withStore(folder, async () => {})
    const argv = migrate(`sqlite:${file}`, '--to', NOWHERE, '--json')
    const { exitCode, out, err } = await runCommand(argv)
    expect(exitCode).toBe(1)
    expect(out).toBe('')
    const { message } = JSON.parse(err)
    expect(message).toContain('ECONNREFUSED')
    expect(message).toContain('Nothing of it was kept. Run the same command again')
    expect(err).not.toContain('hunter2')
  })
})

describe.skipIf(!server)('mailtrap-receiver migrate, with both', () => {
  async function prepare() {
    const { url } = await createTestDatabase(server!)
    const file = join(newFolder(), 'receiver.db')
    writeFileSync(file, sample.bytes)
    return { url, file }
  }

  it('tells people what was copied and what to do next', async () => {
    const { url, file } = await prepare()
    const argv = migrate(`sqlite:${file}`, '--to', url)
    const { exitCode, out, err } = await runCommand(argv, { columns: 100 })
    expect(exitCode).toBe(0)
    expect(out).toMatch(
      /^Copied and counted [\d,]+ rows \(keys 1,506, key_marks 2, events 1,507, bodies 5, quarantine 1, /,
    )
    expect(out).toContain('Start the receiver with STORE_URL')
    expect(err).toContain('█')
    const again = await runCommand(argv)
    expect(again.exitCode).toBe(1)
    expect(again.err).toContain('holds data already, of a receiver or of a copy that had ended')
    expect(again.err).toContain('Nothing was changed.')
  })

  it('tells machines, and takes the address from the file that STORE_URL_FILE names', async () => {
    const { url, file } = await prepare()
    const folder = mkdtempSync(join(tmpdir(), 'receiver-secret-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'url'), `${url}\n`)
    const env = { STORE_URL_FILE: join(folder, 'url') }
    const { exitCode, out } = await runCommand(migrate(`sqlite:${file}`, '--json'), { env })
    expect(exitCode).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      outcome: 'copied',
      rows: { events: 1_507, jobs: expect.any(Number) },
    })
  })

  it('stops when it is asked to, with what it has, and goes on later', async () => {
    const { url, file } = await prepare()
    const argv = migrate(`sqlite:${file}`, '--to', url)
    const stopped = await runCommand(argv, { stopped: AbortSignal.abort() })
    expect(stopped.exitCode).toBe(1)
    expect(stopped.out).toContain('Copied so far 0 rows')
    expect(stopped.err).toContain('Run the same command again')
    expect((await runCommand(argv)).exitCode).toBe(0)
  })

  it('refuses a database with other data', async () => {
    const { url, file } = await prepare()
    await runCommand(migrate(`sqlite:${file}`, '--to', url))
    const folder = newFolder()
    const other = join(folder, 'receiver.db')
    await withStore(folder, async () => {})
    const { exitCode, err } = await runCommand(migrate(`sqlite:${other}`, '--to', url))
    expect(exitCode).toBe(1)
    expect(err).toContain('holds data already')
  })

  it('calls a database that is not there a wrong setting', async () => {
    const { url, file } = await prepare()
    const missing = url.replace(/test_\w+/, 'test_nowhere')
    const { exitCode, err } = await runCommand(migrate(`sqlite:${file}`, '--to', missing))
    expect(exitCode).toBe(78)
    expect(err).toContain('does not exist')
  })
})

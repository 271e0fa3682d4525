import { describe, expect, it } from 'vitest'
import { makeHandler } from '../admin/build-admin.ts'
import { startAdmin } from './start-admin.ts'

async function startWithHandlers() {
  const admin = await startAdmin()
  const { archive, handlers, health } = admin
  for (const name of ['crm', 'stats', 'suppress', 'waiting']) {
    handlers.push(makeHandler(name, ['bounce', 'email.complained']))
    archive.handlers.set(name, name === 'waiting' ? Date.UTC(2026, 10, 21, 9, 30) : undefined)
    health[name] = { running: true, restarts: 0, lastProblem: undefined }
  }
  health.suppress = { running: false, restarts: 3, lastProblem: 'exit code 1\n  at x.ts:1' }
  archive.figures = { jobs: { crm: { pending: 2, done: 1_200, dead: 1 }, old: NO_JOBS } }
  return admin
}

const NO_JOBS = { pending: 0, done: 0, dead: 0 }

describe('mailtrap-receiver handlers', () => {
  it('lists handlers, how each does, its jobs and the events it wants', async () => {
    const { recent, run } = await startWithHandlers()
    recent.noteAttempts('stats', 'retry', 1)
    const { exitCode, out } = await run(['handlers'])
    expect(exitCode).toBe(0)
    expect(out.split('\n').map((line) => line.replace(/ {2,}/g, '|'))).toEqual([
      'HANDLER|STATE|PENDING|DONE|DEAD|EVENTS|LAST PROBLEM',
      'crm|running|2|1,200|1|bounce, email.complained|-',
      'old|not running here|0|0|0|-|-',
      'stats|running, all fail|0|0|0|bounce, email.complained|-',
      'suppress|not running, 3 restarts|0|0|0|bounce, email.complained|exit code 1',
      'waiting|paused since 2026-11-21 09:30:00|0|0|0|bounce, email.complained|-',
      '',
    ])
  })

  it('calls a handler failing of whose attempts half failed, and says how many', async () => {
    const { recent, run } = await startWithHandlers()
    recent.noteAttempts('crm', 'done', 2)
    recent.noteAttempts('crm', 'retry', 1)
    expect((await run(['handlers'])).out).toMatch(/^crm +running +2 /m)
    recent.noteAttempts('crm', 'dead', 2)
    expect((await run(['handlers'])).out).toMatch(/^crm +running, 60 % fail +2 /m)
  })

  it('calls a handler crashing also at the moments at which its process runs', async () => {
    const causes = [{ cause: 'handler_crashing:crm', since: 0, text: 'x.', remedy: 'y.' }]
    const { archive, handlers, health, run } = await startAdmin({
      verdict: async () => ({ causes }),
    })
    handlers.push(makeHandler('crm', ['bounce']))
    health.crm = { running: true, restarts: 17, lastProblem: 'exit code 3' }
    archive.figures = { jobs: { crm: NO_JOBS } }
    for (const command of ['handlers', 'stats']) {
      expect((await run([command])).out).toMatch(/^crm +crashing, 17 restarts +0 .* exit code 3$/m)
    }
  })

  it('gives machines a line a handler', async () => {
    const { run } = await startWithHandlers()
    const { out } = await run(['handlers', '--json'])
    const rows = out.trimEnd().split('\n')
    expect(rows.map((row) => JSON.parse(row).name)).toContain('suppress')
    expect(rows).toHaveLength(5)
  })

  it('says so when there is none', async () => {
    const { run } = await startAdmin()
    expect(await run(['handlers'])).toEqual({
      exitCode: 0,
      out: '',
      err: 'No handler is loaded.\n',
    })
  })

  it('pauses a handler, lets it go on, and names the receiver each time', async () => {
    const { archive, run, url } = await startWithHandlers()
    const named = expect.stringContaining(`Receiver at ${url}: version 1.2.3`)
    expect(await run(['handlers', 'pause', 'crm'])).toEqual({
      exitCode: 0,
      out: 'crm is paused: its jobs wait until mailtrap-receiver handlers resume crm.\n',
      err: named,
    })
    expect(archive.handlers.get('crm')).toBeDefined()
    expect((await run(['handlers'])).out).toMatch(/^crm {2,}paused since /m)
    expect(await run(['handlers', 'resume', 'crm', '--json'])).toEqual({
      exitCode: 0,
      out: '{"handler":"crm","paused":false}\n',
      err: named,
    })
    expect(archive.handlers.get('crm')).toBeUndefined()
  })

  it('fails for a handler that was never loaded, and says where they are listed', async () => {
    const { run } = await startWithHandlers()
    const { exitCode, err } = await run(['handlers', 'pause', 'crn'])
    expect(exitCode).toBe(1)
    expect(err).toContain(
      'ever loaded here. Did you mean crm? mailtrap-receiver handlers lists them.',
    )
    expect((await run(['handlers', 'pause'])).exitCode).toBe(2)
  })
})

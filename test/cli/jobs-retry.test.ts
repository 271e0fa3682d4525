import { describe, expect, it } from 'vitest'
import { makeEvent, makeJob } from '../admin/memory-archive.ts'
import { startAdmin } from './start-admin.ts'

async function startWithWaiting() {
  const admin = await startAdmin()
  admin.archive.handlers.set('crm', undefined).set('stats', undefined)
  const waits = (handler: string) => ({ ...makeJob('1', handler, 'pending'), attempt: 2 })
  const jobs = [waits('crm'), waits('stats')]
  admin.archive.events.push(makeEvent('1', { state: 'pending', jobs }))
  const hastened = () =>
    admin.archive.calls.flatMap(({ name, given }) => (name === 'hasten' ? [given] : []))
  return { ...admin, hastened }
}

describe('mailtrap-receiver jobs retry', () => {
  it('runs all that wait of a handler now, and names the receiver first', async () => {
    const { run, url, hastened } = await startWithWaiting()
    expect(await run(['jobs', 'retry', '--handler', 'crm'])).toEqual({
      exitCode: 0,
      out: '1 job runs now.\n',
      err: expect.stringContaining(`Receiver at ${url}: version 1.2.3`),
    })
    expect(hastened()).toMatchObject([{ jobs: [{ event: '1', handler: 'crm' }] }])
  })

  it.each([
    [
      ['--event', '1'],
      ['crm', 'stats'],
    ],
    [['--event', '1', '--handler', 'stats'], ['stats']],
    [
      ['--type', 'bounce', '--from', '2026-11-21', '--to', '2026-11-22'],
      ['crm', 'stats'],
    ],
  ])('runs what matches %j now', async (filter, handlers) => {
    const { run, hastened } = await startWithWaiting()
    const { out } = await run(['jobs', 'retry', ...filter, '--json'])
    expect(JSON.parse(out)).toEqual({ retried: handlers.length })
    expect(hastened()).toEqual([{ jobs: handlers.map((handler) => ({ event: '1', handler })) }])
  })

  it('says so when nothing that matches waits', async () => {
    const { run } = await startWithWaiting()
    const { exitCode, out } = await run(['jobs', 'retry', '--type', 'open'])
    expect([exitCode, out]).toEqual([0, 'No job that matches waits for its next attempt.\n'])
  })

  it.each([
    [[], 2, 'every job would run now'],
    [['--handler', 'cmr'], 2, 'Did you mean crm?'],
    [['--from', 'yesterday'], 2, '--from must be ISO text'],
    [['--event', '9'], 1, 'No event has this id here'],
  ])('refuses %j with %i', async (filter, exitCode, text) => {
    const { run, hastened } = await startWithWaiting()
    const answer = await run(['jobs', 'retry', ...filter])
    expect(answer).toMatchObject({ exitCode, err: expect.stringContaining(text) })
    expect(hastened()).toEqual([])
  })
})

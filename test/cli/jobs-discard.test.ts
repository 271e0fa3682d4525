import { describe, expect, it } from 'vitest'
import { makeEvent, makeJob } from '../admin/memory-archive.ts'
import { startAdmin } from './start-admin.ts'

async function startWithDead() {
  const admin = await startAdmin()
  admin.archive.handlers.set('crm', undefined).set('stats', undefined)
  admin.archive.events.push(
    makeEvent('2', { jobs: [makeJob('2', 'crm', 'dead'), makeJob('2', 'stats', 'pending')] }),
    makeEvent('1', { jobs: [makeJob('1', 'crm', 'dead')] }),
  )
  const discard = (...args: readonly string[]) => admin.run(['jobs', 'discard', ...args])
  return { ...admin, discard }
}

const REASON = ['--reason', 'The list was given up.']

describe('mailtrap-receiver jobs discard', () => {
  it('settles the dead jobs of a handler, and names the receiver first', async () => {
    const { discard, run, url } = await startWithDead()
    expect(await discard('--handler', 'crm', ...REASON)).toEqual({
      exitCode: 0,
      out: '2 jobs discarded.\n',
      err: expect.stringContaining(`Receiver at ${url}: version 1.2.3`),
    })
    expect((await run(['jobs', '--state', 'dead'])).out).toBe('')
    const { out } = await run(['jobs', '--state', 'discarded'])
    expect(out).toContain('discarded: The list was given up.')
    expect((await run(['events', 'show', '1'])).out).toMatch(
      /discarded 2026-11-21 10:00:00 UTC: The list was given up\./,
    )
  })

  it('says of what is not dead that it stays as it is', async () => {
    const { discard } = await startWithDead()
    expect((await discard('--event', '2', ...REASON)).out).toBe(
      '1 job discarded. Left as it is: 1 job is pending, and runs.\n',
    )
    expect((await discard('--event', '2', ...REASON)).out).toBe(
      'No dead job matches: nothing was discarded. Left as it is: 1 job is pending, and runs; 1 job is discarded already.\n',
    )
  })

  it('prints the answer for machines', async () => {
    const { discard } = await startWithDead()
    const { out } = await discard(
      '--error',
      'no such list',
      '--from',
      '2026-11-21',
      ...REASON,
      '--json',
    )
    const left = { pending: 0, done: 0, discarded: 0, unknown: 0 }
    expect(JSON.parse(out)).toEqual({ discarded: 2, left })
  })

  it.each([
    [['--handler', 'crm'], 2, 'say why nobody needs them, with --reason'],
    [REASON, 2, 'every dead job would be discarded'],
    [['--handler', 'crm', '--reason', '  '], 2, '--reason must say why'],
    [['--handler', 'cmr', ...REASON], 2, 'Did you mean crm?'],
    [['--handler', 'crm', '--raeson', 'x'], 2, 'Did you mean --reason?'],
    [['--event', '9', ...REASON], 1, 'No event has this id here'],
  ])('refuses %j with %i', async (args, exitCode, text) => {
    const { discard, archive } = await startWithDead()
    expect(await discard(...args)).toMatchObject({ exitCode, err: expect.stringContaining(text) })
    expect(archive.calls.filter(({ name }) => name === 'discard')).toEqual([])
  })
})

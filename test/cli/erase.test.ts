import { describe, expect, it } from 'vitest'
import { ReceiverError } from '../../src/errors.ts'
import { buildAdmin, NOTHING_ERASED } from '../admin/build-admin.ts'
import { runCommand } from './run-command.ts'

async function startAdmin() {
  const admin = buildAdmin()
  const { url } = await admin.listen()
  const run = (argv: readonly string[], columns?: number) =>
    runCommand([...argv, '--admin-url', url], columns ? { columns } : {})
  return { ...admin, run }
}

describe('mailtrap-receiver erase', () => {
  it('says what was erased', async () => {
    const { run, work } = await startAdmin()
    work.erase = async () => ({ ...NOTHING_ERASED, events: 1_200, errors: 1 })
    expect(await run(['erase', 'ann@example.com'])).toEqual({
      exitCode: 0,
      out: 'Erased 1,200 events, 1 error of another job.\n',
      err: expect.stringMatching(/^Receiver at http.*\n$/),
    })
  })

  it('says so when nothing told of the person', async () => {
    const { run } = await startAdmin()
    expect((await run(['erase', 'ann@example.com'])).out).toBe('Nothing told of this person.\n')
  })

  it('shows a bar on a terminal while it goes on', async () => {
    const { run, work } = await startAdmin()
    work.erase = async (_, onProgress) => {
      onProgress(500, 2_000)
      await new Promise((resolve) => setTimeout(resolve, 600))
      return NOTHING_ERASED
    }
    const { err } = await run(['erase', 'ann@example.com'], 80)
    expect(err).toMatch(/25% {2}500\/2,000 events/)
  })

  it('fails when something is left, and says what to do', async () => {
    const { run, work } = await startAdmin()
    work.erase = async () => ({ ...NOTHING_ERASED, waiting: 2 })
    const waiting = await run(['erase', 'ann@example.com', '--json'])
    expect(waiting.exitCode).toBe(1)
    expect(JSON.parse(waiting.out)).toMatchObject({ erased: 0, waiting: 2 })
    expect(waiting.err).toContain('2 batches that tell of this person could not be unpacked yet.')
    work.erase = async () => ({ ...NOTHING_ERASED, isWiped: false })
    expect(await run(['erase', 'ann@example.com'])).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('can still be found among the bytes'),
    })
  })

  it('tells why the receiver could not', async () => {
    const { run, work } = await startAdmin()
    work.erase = async () => {
      throw new ReceiverError('store_full')
    }
    expect(await run(['erase', 'ann@example.com'])).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('disk of the data directory is full'),
    })
  })

  it.each(['ann', '', 'a@b, c@d'])('takes no %j for an address', async (text) => {
    expect(await runCommand(['erase', text])).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('Give an e-mail address, such as user@example.com.'),
    })
    expect((await runCommand(['erase'])).exitCode).toBe(2)
  })
})

describe('mailtrap-receiver prune', () => {
  it('says how much was forgotten', async () => {
    const { run, work } = await startAdmin()
    expect((await run(['prune'])).out).toBe('Nothing is that old.\n')
    work.prune = async () => 1
    expect((await run(['prune'])).out).toBe('1 row forgotten.\n')
    expect((await run(['prune', '--json'])).out).toBe('{"pruned":1}\n')
  })
})

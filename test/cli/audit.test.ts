import { describe, expect, it } from 'vitest'
import { startAdmin } from './start-admin.ts'

describe('mailtrap-receiver audit', () => {
  it('lists what people had done, newest first, with what it came to', async () => {
    const { archive, run } = await startAdmin()
    archive.handlers.set('crm', undefined)
    await run(['handlers', 'pause', 'crm'])
    await run(['prune'])
    const { exitCode, out } = await run(['audit'])
    expect(exitCode).toBe(0)
    expect(out.split('\n').map((line) => line.replace(/ {2,}/g, '|'))).toEqual([
      'AT (UTC)|ACTION|OUTCOME|FROM|CAME TO|WITH',
      '1970-01-01 00:00:01|prune|done|127.0.0.0/24|rows 0|-',
      '1970-01-01 00:00:01|prune|begun|127.0.0.0/24|-|-',
      '1970-01-01 00:00:01|pause|done|127.0.0.0/24|handlers 1|handler crm',
      '1970-01-01 00:00:01|pause|begun|127.0.0.0/24|-|handler crm',
      '',
    ])
  })

  it('reads on from page to page, a JSON line an entry', async () => {
    const { archive, run } = await startAdmin()
    for (let count = 0; count < 700; count++) {
      const entry = {
        action: 'prune',
        outcome: 'done',
        network: 'local',
        parameters: {},
      } as const
      await archive.recordAudit({ ...entry, counts: {} })
    }
    const { out } = await run(['audit', '--all', '--json'])
    const ids = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).id)
    expect(ids).toEqual(archive.audit.map(({ id }) => id))
    expect((await run(['audit', '--limit', '3', '--json'])).out.trimEnd().split('\n')).toHaveLength(
      3,
    )
  })

  it('says so when the trail is empty', async () => {
    const { run } = await startAdmin()
    expect((await run(['audit'])).err).toBe('Nobody had anything done yet.\n')
  })
})

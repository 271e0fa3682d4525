import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildAdmin } from '../../admin/build-admin.ts'
import { makeFolder } from '../../config/settings-folder.ts'
import { runCommand } from '../run-command.ts'

/** A receiver's admin listener, which counts what it was asked to forget. */
async function startReceiver(options: Parameters<typeof buildAdmin>[0] = {}) {
  const admin = buildAdmin(options)
  const { port } = await admin.listen()
  const pruned: number[] = []
  admin.work.prune = async () => pruned.push(1)
  return { ...admin, port, pruned }
}

const prune = (env: Record<string, string>, argv: readonly string[] = []) =>
  runCommand(['prune', ...argv], { env })

describe('a command that asks a receiver', () => {
  it.each([
    ['stats'],
    ['events'],
    ['jobs'],
    ['quarantine'],
    ['prune'],
    ['replay', '--state', 'dead'],
    ['erase', 'ann@example.com'],
  ])('finds the one whose settings it was given: %s', async (...argv) => {
    const { port } = await startReceiver({ password: 'long enough' })
    const env = { ADMIN_PORT: String(port), ADMIN_PASSWORD: 'long enough' }
    expect(await runCommand(argv, { env })).toMatchObject({ exitCode: 0 })
    expect(await runCommand(argv, { env: { ADMIN_PORT: String(port) } })).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('asks for its password'),
    })
  })

  it('goes to no other, whatever runs on this machine', async () => {
    const other = await startReceiver()
    const { port, pruned } = await startReceiver({ host: '127.0.0.2', port: other.port })
    expect(port).toBe(other.port)
    const env = { ADMIN_HOST: '127.0.0.2', ADMIN_PORT: String(port) }
    expect((await prune(env)).exitCode).toBe(0)
    expect({ ours: pruned.length, others: other.pruned.length }).toEqual({ ours: 1, others: 0 })
  })

  it('reads the settings file too, whose values give way to the environment', async () => {
    const other = await startReceiver()
    const { port, pruned } = await startReceiver({ host: '0.0.0.0', password: 'long enough' })
    const folder = makeFolder({
      'receiver.yaml': `adminHost: 0.0.0.0\nadminPort: ${port}\nadminPassword: { file: password }\n`,
      password: 'long enough\n',
    })
    const file = join(folder, 'receiver.yaml')
    expect((await prune({ CONFIG_FILE: file })).exitCode).toBe(0)
    expect((await prune({}, ['--config', file])).exitCode).toBe(0)
    expect(pruned.length).toBe(2)
    const env = { ADMIN_PORT: String(other.port) }
    expect((await prune(env, ['--config', file])).exitCode).toBe(0)
    expect(other.pruned.length).toBe(1)
  })

  it('needs no other setting of it to be right or readable', async () => {
    const { port } = await startReceiver()
    const env = { ADMIN_PORT: String(port), PORT: 'x', MAILTRAP_SIGNING_SECRET_FILE: '/no/such' }
    expect((await prune(env)).exitCode).toBe(0)
  })

  it('goes where --admin-url says, with the password of the environment', async () => {
    const { port, pruned } = await startReceiver({ password: 'long enough' })
    const argv = ['--admin-url', `http://127.0.0.1:${port}`]
    const env = { ADMIN_PORT: 'off', ADMIN_PASSWORD: 'long enough' }
    expect((await prune(env, argv)).exitCode).toBe(0)
    expect(pruned.length).toBe(1)
  })

  it.each([
    [
      { ADMIN_PORT: 'off' },
      'ADMIN_PORT is off in these settings: their receiver has no admin API.',
    ],
    [{ ADMIN_PORT: '0' }, 'ADMIN_PORT is 0 in these settings: only the receiver’s log'],
    [{ ADMIN_PORT: 'tcp://10.0.0.7:80' }, 'Kubernetes'],
    [{ CONFIG_FILE: '/no/such.yaml' }, 'CONFIG_FILE names the file /no/such.yaml'],
  ])('says what to do with %j, which leads to none', async (env, text) => {
    const { exitCode, err } = await prune(env as Record<string, string>)
    expect({ exitCode, err }).toEqual({ exitCode: 78, err: expect.stringContaining(text) })
  })

  it('takes no misspelt setting of the file for the default', async () => {
    const folder = makeFolder({ 'receiver.yaml': 'adminPrt: 4001\n' })
    const { exitCode, err } = await prune({ CONFIG_FILE: join(folder, 'receiver.yaml') })
    expect(exitCode).toBe(78)
    expect(err).toContain('adminPrt (receiver.yaml) is no setting. Did you mean adminPort?')
  })
})

describe('a command that changes something', () => {
  it.each([
    ['prune', '--json'],
    ['replay', '--state', 'dead'],
    ['erase', 'ann@example.com'],
  ])('names the receiver first: %s', async (...argv) => {
    const { port } = await startReceiver()
    const { err } = await runCommand(argv, { env: { ADMIN_PORT: String(port) } })
    expect(err).toMatch(
      new RegExp(
        `^Receiver at http://127\\.0\\.0\\.1:${port}: version 1\\.2\\.3, store sqlite:/data/receiver\\.db, up since 2026-11-21 10:00:00 UTC\\.\\n`,
      ),
    )
  })
})

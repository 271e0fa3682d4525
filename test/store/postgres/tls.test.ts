import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { CERTIFICATES } from '../../receive/certificates.ts'
import { sampleBatch } from '../sample-rows.ts'
import { createTestDatabase } from './test-database.ts'
import { findSecureServer } from './test-server.ts'

const server = await findSecureServer()

const folder = mkdtempSync(join(tmpdir(), 'receiver-certificates-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const [own = '', other = ''] = CERTIFICATES.map(({ cert }, n) => {
  const path = join(folder, `${n}.pem`)
  writeFileSync(path, cert)
  return path
})

/** A database over TCP; `open` adds parameters to its URL, and may go to another name of the host. */
async function prepare() {
  const { url, execute, open } = await createTestDatabase(server!)
  await execute(`ALTER ROLE postgres PASSWORD 'secret'`)
  const tcpUrl = server!.tcpUrl(url, 'postgres', 'secret')
  return {
    execute,
    openBySocket: (parameters: string) => open(`${url}&${parameters}`),
    open: (parameters: string, host = '127.0.0.1') =>
      open(`${tcpUrl.replace('127.0.0.1', host)}?${parameters}`),
  }
}

describe.skipIf(!server)('a PostgreSQL that offers TLS', () => {
  it.each([
    ['disable', false],
    ['require', true],
    [`require&sslrootcert=${own}`, true],
    [`verify-ca&sslrootcert=${own}`, true],
    [`verify-full&sslrootcert=${own}`, true],
  ])('is used with sslmode=%s on every connection', async (mode, isEncrypted) => {
    const { open, execute } = await prepare()
    const store = await open(`sslmode=${mode}`)
    await Promise.all([store.append([sampleBatch()]), store.archive.stats(), store.loadHandlers()])
    const ssl = await execute<{ ssl: boolean }>(
      `SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
       WHERE datname = current_database() AND client_addr IS NOT NULL`,
    )
    expect(ssl).toEqual([{ ssl: isEncrypted }])
  })

  it('is refused when nobody vouches for its certificate', async () => {
    const { open } = await prepare()
    const untrusted = { code: 'invalid_settings', message: expect.stringMatching(/not trusted/) }
    await expect(open('sslmode=verify-full')).rejects.toMatchObject(untrusted)
    await expect(open(`sslmode=require&sslrootcert=${other}`)).rejects.toMatchObject(untrusted)
    await expect(open('sslrootcert=system')).rejects.toMatchObject(untrusted)
  })

  it('is refused when its certificate is for another host, where the host is verified', async () => {
    const { open } = await prepare()
    await expect(open(`sslmode=verify-full&sslrootcert=${own}`, 'localhost')).rejects.toThrow(
      /the certificate of PostgreSQL is for another host/,
    )
    await open(`sslmode=verify-ca&sslrootcert=${own}`, 'localhost')
  })

  it('is asked for TLS in vain where it has none', async () => {
    const { openBySocket } = await prepare()
    await expect(openBySocket('sslmode=require')).rejects.toThrow(/offers no TLS here/)
  })
})

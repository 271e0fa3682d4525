import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { findFreePort } from '../../../receive/find-free-port.ts'

/** The program, where Debian's or ClickHouse's own package puts it; undefined: it is not installed. */
export const CLICKHOUSE = ['clickhouse-server', 'clickhouse'].find(
  (program) => spawnSync('which', [program]).status === 0,
)
if (CLICKHOUSE === undefined) console.warn('SKIPPED: tests with ClickHouse, which is not installed')

export interface ClickHouse {
  readonly url: string
  query<Row>(sql: string): Promise<Row[]>
  /** As power does. */
  kill(): Promise<void>
  /** On the same data and port. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const PASSWORD = 'clickhouse-secret'

/** A server on data of its own. */
export async function startClickHouse(): Promise<ClickHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'clickhouse-'))
  const [http, tcp, replication] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ]
  const config = join(folder, 'config.xml')
  writeFileSync(config, describeConfig(folder, { http, tcp, replication }))
  writeFileSync(join(folder, 'users.xml'), USERS)
  const url = `http://default:${PASSWORD}@127.0.0.1:${http}/`
  let child = start()

  function start() {
    const args = CLICKHOUSE === 'clickhouse' ? ['server'] : []
    return spawn(CLICKHOUSE ?? '', [...args, `--config-file=${config}`], { stdio: 'ignore' })
  }

  async function query<Row>(sql: string): Promise<Row[]> {
    const headers = { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': PASSWORD }
    const answer = await fetch(`http://127.0.0.1:${http}/`, { method: 'POST', body: sql, headers })
    const text = await answer.text()
    if (!answer.ok) throw new Error(text)
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Row]))
  }

  const whenReady = () => vi.waitFor(() => query('SELECT 1 FORMAT JSONEachRow'), { interval: 50 })

  async function kill(): Promise<void> {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  await whenReady()
  return {
    url,
    query,
    kill,
    async restart() {
      child = start()
      await whenReady()
    },
    async stop() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const USERS = `<yandex>
  <profiles><default><log_queries>0</log_queries></default></profiles>
  <users><default>
    <password>${PASSWORD}</password>
    <networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota>
  </default></users>
  <quotas><default></default></quotas>
</yandex>`

function describeConfig(
  folder: string,
  ports: { readonly http: number; readonly tcp: number; readonly replication: number },
): string {
  return `<yandex>
  <logger><level>warning</level><log>${folder}/log</log><errorlog>${folder}/errors</errorlog></logger>
  <http_port>${ports.http}</http_port>
  <tcp_port>${ports.tcp}</tcp_port>
  <interserver_http_port>${ports.replication}</interserver_http_port>
  <listen_host>127.0.0.1</listen_host>
  <path>${folder}/data/</path>
  <tmp_path>${folder}/tmp/</tmp_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>5368709120</mark_cache_size>
</yandex>`
}

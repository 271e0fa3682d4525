import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { SETTING_VARIABLES } from '../../src/config/settings-table.ts'
import { MAILTRAP_EVENT_TYPES } from '../../src/simulator/sending/webhook.ts'
import { onTestFinished } from '../on-test-finished.ts'
import {
  dockerfile,
  megabytes,
  PORT,
  readDeployed as read,
  SETTING_DEFAULTS,
  STOP_SECONDS,
  VOLUME,
} from './deploy-files.ts'
import { runShell } from './shell.ts'

interface Service {
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[]
  readonly depends_on?: readonly string[]
  readonly [field: string]: unknown
}

const compose = parse(read('compose.yaml'), { merge: true }) as {
  services: Record<string, Service>
  secrets: Record<string, { file: string }>
  volumes: Record<string, unknown>
  networks: Record<string, unknown>
}
const receivers = Object.entries(compose.services).filter(([name]) => name.startsWith('receiver-'))

const hasTerraform = () => spawnSync('terraform', ['version']).status === 0
const hasSystemd = () => spawnSync('systemd-analyze', ['--version']).status === 0

describe('compose.yaml', () => {
  it('runs two receivers that share a database and no folder', () => {
    expect(receivers).toHaveLength(2)
    const volumes = receivers.map(([, { volumes: [volume = ''] = [] }]) => volume.split(':'))
    expect(new Set(volumes.map(([name]) => name)).size).toBe(2)
    for (const [, target] of volumes) expect(target).toBe(VOLUME)
    for (const [, service] of receivers) {
      expect(service).toMatchObject({ read_only: true, init: true, cap_drop: ['ALL'] })
      expect(Number.parseInt(String(service['stop_grace_period']), 10)).toBeGreaterThan(
        STOP_SECONDS,
      )
    }
  })

  it('uses settings that exist, and gives every secret as a file', () => {
    for (const [, { environment = {}, secrets = [] }] of receivers) {
      expect(SETTING_VARIABLES).toEqual(expect.arrayContaining(Object.keys(environment)))
      const files = Object.entries(environment).filter(([name]) => name.endsWith('_FILE'))
      expect(files.map(([, path]) => path)).toEqual(secrets.map((name) => `/run/secrets/${name}`))
    }
  })

  it('names only what it has', () => {
    for (const { secrets = [], volumes = [], networks = [], depends_on = [] } of Object.values(
      compose.services,
    )) {
      expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining([...secrets]))
      expect(Object.keys(compose.networks)).toEqual(expect.arrayContaining([...networks]))
      expect(Object.keys(compose.services)).toEqual(expect.arrayContaining([...depends_on]))
      const named = volumes.map((volume) => volume.split(':')[0] ?? '').filter((v) => /^\w/.test(v))
      expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(named))
    }
  })
})

describe('prometheus.yaml', () => {
  const { rule_files: rules, scrape_configs: scrapes } = parse(read('prometheus.yaml'))
  const [scrape] = scrapes

  it('asks every receiver at its admin port, with the password that this one has', () => {
    const targets = receivers.map(([name]) => `${name}:${SETTING_DEFAULTS.ADMIN_PORT}`)
    expect(scrape.static_configs).toEqual([{ targets }])
    expect(scrape.basic_auth.username).toBe('admin')
    for (const [, { environment = {} }] of receivers)
      expect(scrape.basic_auth.password_file).toBe(environment['ADMIN_PASSWORD_FILE'])
    expect(compose.services['prometheus']?.secrets).toEqual(['admin-password'])
  })

  it('finds the rules where the container has them', () => {
    const mounts = compose.services['prometheus']?.volumes ?? []
    for (const name of [...rules, 'prometheus.yaml'])
      expect(mounts).toContain(`./${name}:/etc/prometheus/${name}:ro`)
  })
})

describe('mailtrap-receiver.service', () => {
  const unit = read('mailtrap-receiver.service')
  const values = (name: string) =>
    [...unit.matchAll(new RegExp(`^${name}=(.+)$`, 'gm'))].map(([, value = '']) => value)

  it('uses settings that exist, and gives the secret as a credential', () => {
    const given = values('Environment').map((pair) => pair.split('='))
    const names = given.map(([name]) => name).filter((name) => name !== 'NODE_ENV')
    expect(SETTING_VARIABLES).toEqual(expect.arrayContaining(names))
    const credentials = values('LoadCredential').map((pair) => `%d/${pair.split(':')[0]}`)
    const files = given.filter(([name]) => name?.endsWith('_FILE')).map(([, path]) => path)
    expect(files).toEqual(credentials)
  })

  it('leaves more time than the stop takes, and starts nothing again whose settings are wrong', () => {
    expect(Number(values('TimeoutStopSec'))).toBeGreaterThan(STOP_SECONDS)
    expect(values('RestartPreventExitStatus')).toEqual(['78'])
  })

  it('has a heap that leaves room for three handlers', () => {
    const heapMb = Number(/--max-old-space-size=(\d+)/.exec(unit)?.[1])
    expect(heapMb + 150 + 3 * 320).toBeLessThan(megabytes(values('MemoryMax')[0] ?? ''))
  })

  it.skipIf(!hasSystemd())('is right for systemd, where that is installed', () => {
    const path = fileURLToPath(
      new URL('../../fixtures/deploy/mailtrap-receiver.service', import.meta.url),
    )
    const node = unit.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`)
    const folder = mkdtempSync(join(tmpdir(), 'unit-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const copy = join(folder, basename(path))
    writeFileSync(copy, node)
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', copy], { encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
  })
})

describe('handlers.Dockerfile', () => {
  it('puts handlers where the image looks for them, and their packages where they find them', async () => {
    const copies = [...read('handlers.Dockerfile').matchAll(/^COPY .* (\/\S+)$/gm)]
    expect(copies.map(([, to]) => to)).toEqual(['/app/handlers/node_modules', '/app/handlers'])
    expect(dockerfile).toMatch(/^WORKDIR \/app$/m)

    const app = mkdtempSync(join(tmpdir(), 'app-'))
    onTestFinished(() => rmSync(app, { recursive: true, force: true }))
    mkdirSync(join(app, 'handlers/node_modules/greeting'), { recursive: true })
    writeFileSync(join(app, 'handlers/node_modules/greeting/index.js'), 'module.exports = "hello"')
    writeFileSync(
      join(app, 'handlers/greet.ts'),
      `import { defineHandler } from 'mailtrap-receiver'
       import greeting from 'greeting'
       export default defineHandler({ name: greeting, on: { bounce: () => {} } })`,
    )
    const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
    const env = { MAILTRAP_SIGNING_SECRET: 'a'.repeat(32) }
    const printed = await runShell(`'${process.execPath}' '${main}' check --json`, {
      cwd: app,
      env,
    })
    expect(JSON.parse(printed)).toMatchObject({ ok: true, handlers: [{ name: 'hello' }] })
  })
})

describe('webhook.tf', () => {
  const terraform = read('webhook.tf')

  it('leads to the source of the defaults, with every event that the provider knows', () => {
    expect(terraform).toContain('/webhooks/mailtrap"')
    const [, list = ''] = /event_types = \[([^\]]+)\]/.exec(terraform) ?? []
    const names = [...list.matchAll(/"(\w+)"/g)].map(([, name]) => name)
    expect(names).toEqual(MAILTRAP_EVENT_TYPES)
    expect(terraform).toMatch(/output "signing_secret" \{[^}]*sensitive = true/)
  })

  it.skipIf(!hasTerraform())('is written as Terraform writes it, where that is installed', () => {
    const path = fileURLToPath(new URL('../../fixtures/deploy/webhook.tf', import.meta.url))
    const { status, stdout } = spawnSync('terraform', ['fmt', '-check', '-diff', path])
    expect([status, String(stdout)]).toEqual([0, ''])
  })
})

describe('nginx.conf', () => {
  const conf = read('nginx.conf')

  it('leads to both receivers at their port', () => {
    const servers = [...conf.matchAll(/server ([\w-]+):(\d+)/g)].map(([, host, port]) => [
      host,
      port,
    ])
    expect(servers).toEqual(receivers.map(([name]) => [name, String(PORT)]))
  })

  it('takes larger bodies than the receiver does, and never adds to what a client claims', () => {
    expect(Number(/client_max_body_size (\d+)m/.exec(conf)?.[1])).toBeGreaterThan(10)
    expect(conf).toContain('X-Forwarded-For $remote_addr')
  })

  it('gives up both tries within the 30 s of the provider', () => {
    const seconds = (name: string) => Number(new RegExp(`${name} (\\d+)s`).exec(conf)?.[1])
    const tries = Number(/proxy_next_upstream_tries (\d+)/.exec(conf)?.[1])
    const oneTry = seconds('proxy_connect_timeout') + seconds('proxy_read_timeout')
    expect(tries * oneTry).toBeLessThan(30)
    // The receiver answers within 10 s, whatever happens.
    expect(seconds('proxy_read_timeout')).toBeGreaterThan(10)
  })
})

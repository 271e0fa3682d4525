import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { SETTING_VARIABLES } from '../../src/config/setting-names.ts'

/** No engine is at hand in a test: what these files promise each other, and what the code promises. */
const read = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../fixtures/deploy/${name}`, import.meta.url)), 'utf8')
const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8')
const PORT = Number(/^EXPOSE (\d+)$/m.exec(dockerfile)?.[1])
const USER = Number(/^USER (\d+)/m.exec(dockerfile)?.[1])
const VOLUME = /^VOLUME (\S+)$/m.exec(dockerfile)?.[1]
/** What `app.ts` may take to stop. */
const STOP_SECONDS = 9

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

describe('kubernetes.yaml', () => {
  const documents = parseAllDocuments(read('kubernetes.yaml')).map((one) => one.toJS())
  const find = (kind: string) => documents.find((one) => one.kind === kind)
  const { spec, metadata } = find('Deployment').spec.template
  const [container] = spec.containers

  it('has a deployment, a service, a budget for disruptions and a secret', () => {
    const kinds = documents.map(({ kind }) => kind).sort()
    expect(kinds).toEqual(['Deployment', 'PodDisruptionBudget', 'Secret', 'Service'])
    expect(find('Deployment').spec.replicas).toBeGreaterThan(
      find('PodDisruptionBudget').spec.minAvailable,
    )
  })

  it('selects by the labels that the pods have', () => {
    expect(find('Deployment').spec.selector.matchLabels).toEqual(metadata.labels)
    expect(find('PodDisruptionBudget').spec.selector.matchLabels).toEqual(metadata.labels)
    expect(find('Service').spec.selector).toEqual(metadata.labels)
  })

  it('asks for life and readiness at the port of the image', () => {
    expect(container.ports).toEqual([{ name: 'http', containerPort: PORT }])
    expect(find('Service').spec.ports[0].targetPort).toBe('http')
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' })
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' })
  })

  it('leaves more time than the pause and the stop take', () => {
    const pauseMs = /\}, (\d+)_(\d+)\)/.exec(container.lifecycle.preStop.exec.command[2])
    const pauseSeconds = Number(`${pauseMs?.[1]}${pauseMs?.[2]}`) / 1_000
    expect(pauseSeconds).toBe(5)
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(pauseSeconds + STOP_SECONDS)
  })

  it('runs as the user of the image, writes to its volume only, and reads secrets as files', () => {
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: USER })
    expect(container.securityContext.readOnlyRootFilesystem).toBe(true)
    const mounts = new Map(
      container.volumeMounts.map(({ name, mountPath }: Record<string, string>) => [
        name,
        mountPath,
      ]),
    )
    expect(mounts.get('data')).toBe(VOLUME)
    const names = container.env.map(({ name }: { name: string }) => name)
    expect(SETTING_VARIABLES).toEqual(expect.arrayContaining(names))
    const keys = Object.keys(find('Secret').stringData)
    const files = container.env.filter(({ name }: { name: string }) => name.endsWith('_FILE'))
    expect(files.map(({ value }: { value: string }) => value)).toEqual(
      keys.map((key) => `${mounts.get('secrets')}/${key}`),
    )
  })
})

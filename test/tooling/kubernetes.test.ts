import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { SETTING_VARIABLES } from '../../src/config/settings-table.ts'
import {
  dockerfile,
  megabytes,
  PORT,
  readDeployed as read,
  SETTING_DEFAULTS,
  STOP_SECONDS,
  USER,
  VOLUME,
} from './deploy-files.ts'

const sorted = (kinds: readonly string[]) => [...kinds].sort()

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0
if (!hasKubectl)
  process.stderr.write('SKIPPED: what Kustomize makes of its bases; kubectl is not here\n')

/** The manifests of a folder, as `kubectl apply -k` has them; without kubectl those that need no Kustomize. */
function render(folder: string) {
  const path = fileURLToPath(new URL(`../../fixtures/deploy/kubernetes/${folder}`, import.meta.url))
  const text = hasKubectl
    ? execFileSync('kubectl', ['kustomize', path], { encoding: 'utf8' })
    : read('kubernetes/base/receiver.yaml')
  return parseAllDocuments(text).map((one) => one.toJS())
}

/** The keys of the secret that the commands at the top of a file make. */
const secretKeys = (file: string) =>
  [...read(file).matchAll(/--from-file=([\w-]+)/g)].map(([, key = '']) => key)

const FOLDERS = [
  [
    'kubernetes/base',
    ['Deployment', 'PersistentVolumeClaim', 'Service', 'Service'],
    secretKeys('kubernetes/base/receiver.yaml'),
  ],
  [
    'kubernetes/postgres',
    ['Deployment', 'PodDisruptionBudget', 'Service', 'Service'],
    secretKeys('kubernetes/postgres/kustomization.yaml'),
  ],
  [
    'kubernetes/your-own',
    [
      ...['Deployment', 'PodDisruptionBudget', 'Secret', 'Secret'],
      ...['Service', 'Service', 'ServiceMonitor'],
    ],
    ['admin-password', 'mailtrap', 'store-url'],
  ],
] as const

describe.each(hasKubectl ? FOLDERS : FOLDERS.slice(0, 1))('%s', (folder, kinds, keys) => {
  const documents = render(folder.slice('kubernetes/'.length))
  const find = (kind: string) => documents.find((one) => one.kind === kind)
  const deployment = find('Deployment').spec
  const { spec, metadata } = deployment.template
  const [container] = spec.containers

  it('has what it needs, and no more', () => {
    expect(sorted(documents.map(({ kind }) => kind))).toEqual(kinds)
  })

  it('keeps one receiver at work while others are replaced, or has one on its volume at most', () => {
    const budget = find('PodDisruptionBudget')
    if (budget) expect(deployment.replicas).toBeGreaterThan(budget.spec.minAvailable)
    else expect(deployment).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } })
    const claim = find('PersistentVolumeClaim')?.metadata.name
    const [data] = spec.volumes
    expect(data.persistentVolumeClaim?.claimName).toBe(claim)
  })

  it('selects by the labels that the pods have', () => {
    expect(deployment.selector.matchLabels).toEqual(metadata.labels)
    for (const { kind, spec: other } of documents) {
      if (kind === 'PodDisruptionBudget')
        expect(other.selector.matchLabels).toEqual(metadata.labels)
      if (kind === 'Service') expect(other.selector).toEqual(metadata.labels)
    }
  })

  it('asks for life and readiness at the port of the image, and leads to its ports', () => {
    expect(container.ports).toEqual([
      { name: 'http', containerPort: PORT },
      { name: 'admin', containerPort: Number(SETTING_DEFAULTS.ADMIN_PORT) },
    ])
    const targets = documents
      .filter(({ kind }) => kind === 'Service')
      .map(({ spec: { ports } }) => ports[0].targetPort)
    expect(targets).toEqual(['http', 'admin'])
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' })
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' })
  })

  it('starts what the image starts, with a heap that leaves room for three handlers', () => {
    const entry: string[] = JSON.parse(/^ENTRYPOINT (.+)$/m.exec(dockerfile)?.[1] ?? '')
    const heap = /^--max-old-space-size=(\d+)$/
    const without = (words: readonly string[]) => words.filter((word) => !heap.test(word))
    expect(without(container.command)).toEqual(without(entry))
    const heapMb = Number(container.command.flatMap((word: string) => heap.exec(word)?.[1] ?? []))
    expect(heapMb + 150 + 3 * 320).toBeLessThan(megabytes(container.resources.limits.memory))
  })

  it('leaves more time than the pause and the stop take', () => {
    const pauseMs = /\}, (\d+)_(\d+)\)/.exec(container.lifecycle.preStop.exec.command[2])
    const pauseSeconds = Number(`${pauseMs?.[1]}${pauseMs?.[2]}`) / 1_000
    expect(pauseSeconds).toBe(5)
    expect(spec.enableServiceLinks).toBe(false)
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
    const files = container.env.filter(({ name }: { name: string }) => name.endsWith('_FILE'))
    expect(sorted(files.map(({ value }: { value: string }) => value))).toEqual(
      sorted(keys.map((key) => `${mounts.get('secrets')}/${key}`)),
    )
    // By the name that it has here: a team's own changes with what is in it.
    const own = spec.volumes.at(-1).secret.secretName
    const made = documents.filter(({ kind }) => kind === 'Secret')
    if (made.length === 0) expect(own).toBe('mailtrap-receiver')
    else {
      const secret = made.find((one) => one.metadata.name === own)
      expect(own).toMatch(/^mailtrap-receiver-\w{10}$/)
      expect(sorted(Object.keys(secret?.data ?? {}))).toEqual(sorted(keys))
    }
  })
})

describe('kubernetes/monitor', () => {
  const { spec } = parse(read('kubernetes/monitor/monitor.yaml'))

  it('selects the service that leads to the admin listener', () => {
    const services = render('base').filter(
      ({ kind, metadata }) => kind === 'Service' && metadata.labels,
    )
    expect(services.map(({ metadata }) => metadata.labels)).toEqual([spec.selector.matchLabels])
    expect(services[0].spec.ports[0].name).toBe(spec.endpoints[0].port)
  })

  it.skipIf(!hasKubectl)('reads its password from a secret that is there by this name', () => {
    const secrets = render('your-own').filter(({ kind }) => kind === 'Secret')
    const { username, password } = spec.endpoints[0].basicAuth
    const secret = secrets.find(({ metadata }) => metadata.name === password.name)
    expect(username.name).toBe(password.name)
    expect(sorted(Object.keys(secret?.data ?? {}))).toEqual(sorted([password.key, username.key]))
  })
})

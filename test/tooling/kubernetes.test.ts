import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { SETTING_VARIABLES } from '../../src/config/setting-names.ts'
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

describe.each([
  ['kubernetes.yaml', ['Deployment', 'PodDisruptionBudget', 'Secret', 'Service', 'Service']],
  [
    'kubernetes-sqlite.yaml',
    ['Deployment', 'PersistentVolumeClaim', 'Secret', 'Service', 'Service'],
  ],
])('%s', (file, kinds) => {
  const documents = parseAllDocuments(read(file)).map((one) => one.toJS())
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
    const keys = Object.keys(find('Secret').stringData)
    const files = container.env.filter(({ name }: { name: string }) => name.endsWith('_FILE'))
    expect(files.map(({ value }: { value: string }) => value)).toEqual(
      keys.map((key) => `${mounts.get('secrets')}/${key}`),
    )
  })
})

describe('kubernetes-monitor.yaml', () => {
  it('selects the service that leads to the admin listener', () => {
    const { spec } = parse(read('kubernetes-monitor.yaml'))
    for (const file of ['kubernetes.yaml', 'kubernetes-sqlite.yaml']) {
      const services = parseAllDocuments(read(file))
        .map((one) => one.toJS())
        .filter(({ kind, metadata }) => kind === 'Service' && metadata.labels)
      expect(services.map(({ metadata }) => metadata.labels)).toEqual([spec.selector.matchLabels])
      expect(services[0].spec.ports[0].name).toBe(spec.endpoints[0].port)
    }
  })
})

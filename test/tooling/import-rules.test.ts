import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RULE = 'lint/style/noRestrictedImports'

/** File, what it may not import, what it may. */
const ROOMS: [file: string, refused: string[], allowed: string[]][] = [
  ['src/errors.ts', ['./model.ts', 'zod', 'node:fs'], []],
  [
    'src/providers/a.ts',
    ['node:fs', 'fastify', '../store/store.ts', '../app.ts', '../observe/observer.ts', 'pino'],
    ['../model.ts', './provider.ts', './mailtrap/schemas.ts', 'zod', 'node:crypto'],
  ],
  [
    'src/providers/mailtrap/a.ts',
    ['node:timers', '../../unpack/x.ts', '../../config.ts', '../../receive/x.ts'],
    ['../provider.ts', '../../model.ts', './schemas.ts', 'zod'],
  ],
  [
    'src/store/a.ts',
    [
      'fastify',
      '../providers/provider.ts',
      '../unpack/x.ts',
      '../dispatch/x.ts',
      '../handlers/x.ts',
    ],
    ['./sqlite/x.ts', '../model.ts', 'node:worker_threads', '../entry-point.ts'],
  ],
  [
    'src/store/sqlite/a.ts',
    ['../../providers/provider.ts', '../../observe/create-observer.ts', 'zod'],
    ['../store.ts', '@photostructure/sqlite', 'node:fs/promises', '../../errors.ts'],
  ],
  [
    'src/store/postgres/a.ts',
    ['../../unpack/x.ts', '../../config.ts', 'zod'],
    ['../run-bits.ts', '../archive/port.ts', 'pg', 'node:worker_threads', '../../model.ts'],
  ],
  [
    'src/unpack/a.ts',
    [
      '../store/postgres/x.ts',
      '../store/sqlite/x.ts',
      'fastify',
      '../receive/x.ts',
      '../dispatch/x.ts',
      'node:fs',
      '../handlers/load-handler.ts',
    ],
    ['../store/store.ts', '../store/event-id.ts', '../providers/mailtrap/x.ts', 'node:crypto'],
  ],
  [
    'src/work/a.ts',
    [
      '../store/sqlite/engine.ts',
      '../store/postgres/engine.ts',
      '../dispatch/handler-lane.ts',
      '../receive/x.ts',
      '../app.ts',
      'fastify',
    ],
    ['../store/store.ts', '../unpack/x.ts', '../dispatch/lanes.ts', 'node:worker_threads'],
  ],
  [
    'src/work/open-thread-store.ts',
    ['../receive/x.ts', '../app.ts', '../dispatch/lanes.ts', '../handlers/load-handler.ts'],
    ['../store/sqlite/engine.ts', '../store/postgres/engine.ts'],
  ],
  [
    'src/dispatch/a.ts',
    [
      'fastify',
      '../providers/provider.ts',
      '../store/sqlite/engine.ts',
      '../receive/x.ts',
      '../handlers/load-handler.ts',
    ],
    ['../store/store.ts', 'node:child_process', '../observe/observer.ts', 'node:fs/promises'],
  ],
  ['src/dispatch/retry-policy.ts', ['node:crypto', '../store/store.ts'], ['../model.ts']],
  [
    'src/dispatch/process/a.ts',
    ['../host/host-loop.ts', '../handler-lane.ts', '../../store/sqlite/engine.ts', 'fastify'],
    [
      '../channel-frames.ts',
      '../../store/store.ts',
      '../../observe/observer.ts',
      'node:child_process',
    ],
  ],
  [
    'src/dispatch/host/a.ts',
    [
      '../process/page-frame.ts',
      '../../store/store.ts',
      '../../observe/create-observer.ts',
      'fastify',
    ],
    ['../../handlers/load-handler.ts', '../../providers/mailtrap/x.ts', '../channel-frames.ts'],
  ],
  [
    'src/handlers/a.ts',
    ['../store/store.ts', '../dispatch/x.ts', '../receive/x.ts', '../config.ts', 'pino'],
    ['zod', 'jiti', '../model.ts', '../providers/provider.ts'],
  ],
  [
    'src/receive/a.ts',
    [
      '../unpack/x.ts',
      '../dispatch/x.ts',
      '../store/sqlite/x.ts',
      '../work/start-work-thread.ts',
      '../config.ts',
    ],
    ['../store/store.ts', 'fastify', '../providers/provider.ts', '../observe/observer.ts'],
  ],
  [
    'src/admin/routes/a.ts',
    ['../../unpack/x.ts', '../../dispatch/x.ts', '../../store/sqlite/x.ts', '../../cli/x.ts'],
    ['../../store/store.ts', '../parameters/x.ts', 'fastify', 'node:fs/promises'],
  ],
  [
    'src/guardian/a.ts',
    ['../store/store.ts', '../receive/x.ts', '../config.ts', 'fastify'],
    ['../model.ts', '../observe/observer.ts', 'mailtrap', 'node:fs/promises'],
  ],
  [
    'src/guardian/assess-webhooks.ts',
    ['node:fs', 'node:timers', '../errors.ts'],
    ['../model.ts', './management-api.ts', '../observe/observer.ts'],
  ],
  [
    'src/simulator/a.ts',
    ['../store/store.ts', '../cli/x.ts', '../receive/x.ts', '../config.ts', 'mailtrap', 'zod'],
    ['fastify', '../providers/providers.ts', './sending/senders.ts', '../config/secret-files.ts'],
  ],
  [
    'src/simulator/management/a.ts',
    ['../../cli/x.ts', '../../admin/x.ts', '../../config.ts', '../../store/store.ts'],
    ['../simulator.ts', '../sending/webhook.ts', 'fastify', 'zod', '../../providers/x.ts'],
  ],
  [
    'src/simulator/sending/a.ts',
    ['node:fs', 'node:timers', 'fastify', '../../config/quantities.ts', '../../cli/x.ts'],
    ['../samples/sample-events.ts', '../../providers/providers.ts', './webhook.ts'],
  ],
  [
    'src/observe/a.ts',
    ['../receive/x.ts', '../store/postgres/engine.ts', 'fastify'],
    ['pino', 'prom-client', '@opentelemetry/api'],
  ],
  [
    'src/config/a.ts',
    ['../app.ts', '../receive/x.ts', '../config.ts', '../providers/mailtrap/x.ts'],
    ['yaml', 'node:fs', '../providers/providers.ts'],
  ],
]

describe('the import rules', () => {
  let folder: string
  let findings: Set<string>

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'import-rules-'))
    cpSync(join(ROOT, '.biome.jsonc'), join(folder, '.biome.jsonc'))
    for (const [file, refused, allowed] of ROOMS) plant(file, [...refused, ...allowed])
    plant('src/providers/random.ts', ['node:crypto'], '{ randomUUID }')
    findings = lint(folder)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  function plant(file: string, imports: readonly string[], names = '* as room'): void {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    const lines = imports.map((name) => `import ${names} from '${name}'`)
    writeFileSync(join(folder, file), `${lines.join('\n')}\n`)
  }

  it.each(ROOMS)('%s may import just what its room needs', (file, refused, allowed) => {
    const found = [...refused, ...allowed].filter((_, index) =>
      findings.has(`${file}:${index + 1}`),
    )
    expect(found).toEqual(refused)
  })

  it('keeps randomness out of the providers', () => {
    expect(findings).toContain('src/providers/random.ts:1')
  })
})

/** Runs Biome's rule; answers `file:line` of each violation. */
function lint(folder: string): Set<string> {
  const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')
  const args = [biome, 'lint', '--only=style/noRestrictedImports', '--max-diagnostics=none']
  const options = { cwd: folder, encoding: 'utf8', stdio: 'pipe' } as const
  try {
    execFileSync(process.execPath, [...args, '--reporter=github'], options)
    throw new Error('Biome found nothing wrong.')
  } catch (error) {
    const { stdout } = error as { stdout?: string }
    if (stdout === undefined) throw error
    const pattern = new RegExp(`title=${RULE},file=(?:.*?/)?(src/[^,]+),line=(\\d+)`, 'g')
    return new Set([...stdout.matchAll(pattern)].map(([, file, line]) => `${file}:${line}`))
  }
}

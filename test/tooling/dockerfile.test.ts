import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readDeployed } from './deploy-files.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Instruction {
  readonly name: string
  readonly text: string
}

/** The instructions of each stage, and those before the first. */
function readStages(): Instruction[][] {
  const lines = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '')
  const stages: Instruction[][] = [[]]
  for (const line of lines) {
    const [name = '', text = ''] = line.split(/\s+(.*)/, 2)
    if (name === 'FROM') stages.push([])
    stages.at(-1)?.push({ name, text })
  }
  return stages
}

const [preamble = [], build = [], final = []] = readStages()
const everything = [...preamble, ...build, ...final]

function find(stage: readonly Instruction[], name: string): string[] {
  return stage.filter((instruction) => instruction.name === name).map(({ text }) => text)
}

/** A name of our tree in the final image: `/app/dist/main.js` is `src/main.ts`. */
function sourceOf(path: string): string {
  return join(ROOT, path.replace('/app/dist/', 'src/').replace(/\.js$/, '.ts'))
}

describe('the Dockerfile', () => {
  it('has two stages, both from the base that the builder chooses', () => {
    expect(readStages()).toHaveLength(3)
    expect(find(preamble, 'ARG')).toEqual(['NODE_IMAGE=node:24-slim'])
    expect(find(build, 'FROM')).toEqual(['${NODE_IMAGE} AS build'])
    expect(find(final, 'FROM')).toEqual(['${NODE_IMAGE}'])
  })

  it('copies what is there and what reaches the engine', () => {
    const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n')
    expect(ignored.filter((line) => !/^(#|!|$)/.test(line))).toEqual(['*'])
    const kept = ignored.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
    for (const path of kept) expect(existsSync(join(ROOT, path)), path).toBe(true)
    const sources = find(build, 'COPY').flatMap((text) => text.split(' ').slice(0, -1))
    for (const path of sources) {
      const isKept = kept.some((name) => name === path || name.startsWith(`${path}/`))
      expect(isKept, path).toBe(true)
    }
    expect(new Set(kept.map((path) => path.split('/')[0]))).toEqual(new Set(sources))
  })

  it('takes into the image only what the first stage made, without what only builds', () => {
    const copies = find(final, 'COPY').map((text) => text.split(' '))
    for (const copy of copies) expect(copy[0]).toBe('--from=build')
    const sources = copies.flatMap((copy) => copy.slice(1, -1)).map((path) => posix.basename(path))
    expect(new Set(sources)).toEqual(
      new Set(['package.json', 'LICENSE', 'node_modules', 'fixtures', 'dist']),
    )
    expect(find(build, 'RUN').join(' && ')).toMatch(
      /npm ci --ignore-scripts .*npm prune --omit=dev .* rm -r src/,
    )
    expect(find(final, 'RUN').join(' ')).not.toMatch(/\b(npm|npx|apt-get|apk|tsc|curl|wget)\b/)
  })

  it('takes an authority and an .npmrc as secrets, where the registry is asked, and in no layer', () => {
    const mounts = [
      '--mount=type=secret,id=ca,target=/run/secrets/ca.pem',
      '--mount=type=secret,id=npmrc,target=/root/.npmrc',
    ]
    const asking = find(build, 'RUN').filter((text) => text.includes('npm ci'))
    for (const text of asking) expect(text.startsWith(mounts.join(' '))).toBe(true)
    expect(asking).toHaveLength(1)
    expect(find(everything, 'COPY').join(' ')).not.toMatch(/npmrc|\.pem/)
    const derived = readDeployed('handlers.Dockerfile').replaceAll(/\\\n\s*/g, '')
    expect(derived).toContain(`RUN ${asking[0]?.replace(/&& npm ci .*/, '')}`)
  })

  it('says its version, and where it comes from when the builder does', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    expect(find(final, 'ARG')).toEqual([`VERSION=${version}`, 'SOURCE=', 'REVISION='])
    const labels = find(final, 'LABEL').join(' ')
    for (const name of ['version', 'source', 'revision']) {
      expect(labels).toContain(`org.opencontainers.image.${name}="\${${name.toUpperCase()}}"`)
    }
  })

  it('runs as 10001 and writes to one volume, which is its own', () => {
    expect(find(everything, 'USER')).toEqual(['10001:10001'])
    expect(find(everything, 'VOLUME')).toEqual(['/data'])
    expect(find(final, 'ENV').join(' ')).toContain('DATA_DIR=/data')
    // Group 0, with write: some platforms run it as any user in that group.
    expect(find(final, 'RUN').join(' ')).toContain('mkdir -m 0770 /data && chown 10001:0 /data')
    const order = final.map(({ name }) => name)
    expect(order.lastIndexOf('RUN')).toBeLessThan(order.indexOf('USER'))
  })

  it('starts without a shell, so that SIGTERM arrives, and is checked by node', () => {
    const [entry, command, check] = ['ENTRYPOINT', 'CMD', 'HEALTHCHECK'].map((name) =>
      find(final, name).map((text): string[] => JSON.parse(text.slice(text.indexOf('[')))),
    )
    expect(entry).toEqual([
      [
        'node',
        '--enable-source-maps',
        '--min-semi-space-size=4',
        '--max-semi-space-size=4',
        '--max-old-space-size=1024',
        '/app/dist/main.js',
      ],
    ])
    expect(command).toEqual([['serve']])
    expect(check).toEqual([['node', '/app/dist/health-check.js']])
    for (const path of ['/app/dist/main.js', '/app/dist/health-check.js']) {
      expect(existsSync(sourceOf(path)), path).toBe(true)
    }
    expect(find(final, 'HEALTHCHECK').join()).toMatch(/--timeout=5s .*CMD \[/)
    expect(find(final, 'STOPSIGNAL')).toEqual(['SIGTERM'])
  })
})

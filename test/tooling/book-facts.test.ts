import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ENTRY_KEYS } from '../../src/config/file-schema.ts'
import { readSettings, SETTINGS } from '../../src/config.ts'
import { KNOWN_KEYS } from '../../src/handlers/event-keys.ts'
import {
  EVENT_STATES,
  NORMALISED_NAMES,
  PROVIDER_NAMES,
  type ProviderName,
} from '../../src/model.ts'
import { METRICS } from '../../src/observe/metric-list.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import {
  BOOKS,
  ROOT,
  readBlocks,
  readBook,
  readHeadings,
  readLinks,
  readTables,
  splitCommands,
} from './books.ts'

const README = 'README.md'
const HANDLERS = 'src/handlers/README.md'
const OPERATOR = 'fixtures/deploy/README.md'
const CONTRIBUTING = '.github/CONTRIBUTING.md'
const MANIFEST: { version: string; scripts: Record<string, string>; dependencies: unknown } =
  readJson('package.json')

/** Blocks of commands that no test runs, by book, and why not. */
const NOT_RUN: Record<(typeof BOOKS)[number], readonly string[]> = {
  // Looked at by 'names in its Docker commands what is there'; CI has an engine and runs the like.
  'README.md': ['Docker'],
  // What the packages do is tried by the tests of brokers, which have them.
  'src/handlers/README.md': ['the npm registry'],
  'fixtures/deploy/README.md': [],
  // They would run this test, and build what the other tests use.
  '.github/CONTRIBUTING.md': [
    'a checkout of its own: the tests build it, and run this page',
    'a checkout of its own',
  ],
  // `bench.test.ts` runs a short round of each kind.
  '.github/SECURITY.md': [],
  'test/bench/README.md': ['an hour, and a machine with nothing else to do', 'the network'],
  'fixtures/README.md': [],
}

function readJson<Value>(name: string): Value {
  return JSON.parse(readFileSync(join(ROOT, name), 'utf8'))
}

function readStates(book: string): Set<string | undefined>[] {
  return readBlocks(book)
    .filter(({ text }) => text.startsWith('stateDiagram'))
    .map(({ text }) => new Set([...text.matchAll(/--> (\w+)/g)].map(([, state]) => state)))
}

describe.each(BOOKS)('the book %s', (book) => {
  it('leads to files and headings that are there', () => {
    for (const { path, heading } of readLinks(book)) {
      const target = join(dirname(book), path)
      const place = path === '' ? book : target
      expect(existsSync(join(ROOT, place)), `${place} of ${book}`).toBe(true)
      if (heading !== undefined) expect(readHeadings(place), place).toContain(heading)
    }
  })

  it('names paths of the tree that are there', () => {
    const named = readBook(book).matchAll(/`((?:src|test|fixtures|\.github|\.ci)\/[\w./-]*)`/g)
    for (const [, path = ''] of named) expect(existsSync(join(ROOT, path)), path).toBe(true)
  })

  it('says of every block that no test runs what it needs', () => {
    const needs = readBlocks(book).flatMap((block) => block.needs ?? [])
    expect(needs).toEqual(NOT_RUN[book])
  })

  it('shows settings files that the receiver reads', () => {
    for (const { language, text } of readBlocks(book)) {
      if (language !== 'yaml') continue
      const names = [...text.matchAll(/env: (\w+)/g)].map(([, name = '']) => name)
      const secret = Buffer.alloc(24).toString('base64')
      const file = text.replace('./handlers/hard-bounces.ts', './fixtures/handlers/suppressions.ts')
      const settings = readSettings({
        cwd: ROOT,
        env: Object.fromEntries([
          ['CONFIG_FILE', 'file'],
          ...names.map((name) => [name, name.endsWith('_URL') ? 'amqp://a.test' : secret]),
        ]),
        readFile: (path) => {
          if (path.endsWith('-url')) return 'postgres://a.test/a'
          return /^\/run\/|secret$/.test(path) ? secret : file
        },
        isSourceOptional: true,
      })
      const { sources, handlers, mailtrapSigningSecret } = parse(text)
      const named = sources ?? (mailtrapSigningSecret ? { mailtrap: {} } : {})
      expect(settings.sources.map(({ name }) => name)).toEqual(Object.keys(named))
      if (handlers === undefined) continue
      expect(settings.handlers.map(({ concurrency }) => concurrency)).toEqual(
        handlers.map(({ concurrency }: { concurrency?: number }) => concurrency),
      )
    }
  })

  it('names scripts that are there', () => {
    for (const [, script = ''] of readBook(book).matchAll(/npm run (?:--silent )?(\w+)/g))
      expect(MANIFEST.scripts).toHaveProperty(script)
  })
})

describe('the README', () => {
  const tables = readTables(README)

  it('is read in one go', () => {
    expect(readBook(README).split('\n').length).toBeLessThanOrEqual(320)
  })

  it('leads to every other book', () => {
    const linked = readLinks(README).map(({ path }) => path)
    expect(linked).toEqual(expect.arrayContaining(BOOKS.filter((book) => book !== README)))
  })

  it('runs a lockfile that is there', () => {
    const lock: { packages: Record<string, { dependencies: unknown }> } =
      readJson('package-lock.json')
    expect(lock.packages['']?.dependencies).toEqual(MANIFEST.dependencies)
  })

  /** No engine is at hand in a test. */
  it('names in its Docker commands what is there', () => {
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
    const block = readBlocks(README).find(({ needs }) => needs === 'Docker')
    const [build, run = '', ask] = splitCommands(block?.text ?? '')
    expect([build, ask]).toEqual([
      'docker build --tag mailtrap-receiver .',
      'docker exec receiver mailtrap-receiver stats',
    ])
    expect(dockerfile).toContain('/usr/local/bin/mailtrap-receiver')
    expect(run).toContain(' --read-only ')
    const mounts = [...run.matchAll(/--volume "?([^:]+):([^:" ]+)/g)].map(([, ...ends]) => ends)
    expect(mounts).toEqual([
      ['receiver-data', /^VOLUME (\S+)$/m.exec(dockerfile)?.[1]],
      ['$PWD/handlers', '/app/handlers'],
      ['$PWD/secrets', dirname(/_FILE=(\S+)/.exec(run)?.[1] ?? '')],
    ])
  })

  it('lists every setting with its default', () => {
    const rows = tables.get('variable')?.map(([name, value]) => [name, value])
    expect(rows).toEqual(
      SETTINGS.map((setting) => [
        `${setting.name}${setting.isSecret ? ' *' : ''}`,
        (setting.default ?? '–').replaceAll('`', ''),
      ]),
    )
  })

  it.each([
    ['of a source', ENTRY_KEYS.sources],
    ['of a handler', ENTRY_KEYS.handlers],
  ])('lists every key %s', (title, keys) => {
    expect(tables.get(title)?.map(([key]) => key)).toEqual(keys)
  })

  it('draws every state of an event, and no other', () => {
    expect(readStates(README)).toEqual([new Set(EVENT_STATES)])
  })
})

describe('the handler author’s book', () => {
  it('lists every key of `on`', () => {
    for (const key of [...KNOWN_KEYS, 'activity_log.*'])
      expect(readBook(HANDLERS)).toContain(`\`${key}\``)
  })

  it('tells from which events of each provider a shared name comes', () => {
    const rows = readTables(HANDLERS).get('name') ?? []
    const names = rows.map(([name, ...types]) => [name, ...types.slice(0, 2)])
    expect(names.map(([name]) => name).sort()).toEqual([...NORMALISED_NAMES].sort())
    const nameOf = (provider: ProviderName, type = '') =>
      PROVIDERS[provider].describe({ [PROVIDERS[provider].nameField]: type })?.name
    for (const [name, ...types] of names) {
      for (const [index, type] of types.entries()) {
        const provider = PROVIDER_NAMES[index] ?? expect.fail()
        if (type !== '–') expect(nameOf(provider, type), `${provider} ${type}`).toBe(name)
      }
    }
    const told = names.flatMap(([, ...types]) => types).filter((type) => type !== '–')
    const shared = KNOWN_KEYS.filter((key) =>
      PROVIDER_NAMES.some((provider) => nameOf(provider, key) !== undefined),
    )
    expect(told.sort()).toEqual(shared.sort())
  })

  it('draws every state of a job, and no other', () => {
    const states = ['pending', 'open', 'due', 'running', 'done', 'dead', 'discarded']
    expect(readStates(HANDLERS)).toEqual([new Set(states)])
  })

  it('tells of every example', () => {
    const linked = readLinks(HANDLERS).map(({ path }) => path)
    for (const name of readdirSync(join(ROOT, 'fixtures/handlers')))
      expect(linked).toContain(`../../fixtures/handlers/${name}`)
  })

  it('names the version of the package', () => {
    expect(readBook(HANDLERS)).toContain(`mailtrap-receiver-${MANIFEST.version}.tgz`)
  })
})

describe('the operator’s book', () => {
  it('lists every figure of GET /metrics', () => {
    expect(readTables(OPERATOR).get('figure')).toEqual(
      Object.values(METRICS).map(({ name, type, labels, help }) => [
        name,
        type,
        labels.join(', ') || '–',
        help,
      ]),
    )
  })

  it('draws every state of a batch, and no other', () => {
    expect(readStates(OPERATOR)).toEqual([new Set(['waiting', 'unpacked'])])
  })

  it('tells of every file beside it', () => {
    const linked = readLinks(OPERATOR).map(({ path }) => path)
    for (const name of readdirSync(join(ROOT, 'fixtures/deploy')))
      if (name !== 'README.md') {
        const isTold = linked.some((path) => path === name || path.startsWith(`${name}/`))
        expect(isTold, name).toBe(true)
      }
  })
})

describe('the book of what is supported', () => {
  const SECURITY = '.github/SECURITY.md'

  it('names the versions of Node that are asked for, tested and in the image', () => {
    const { engines } = JSON.parse(readBook('package.json'))
    const [, tested = ''] = /node: \[([\d, ]+)\]/.exec(readBook('.github/workflows/ci.yml')) ?? []
    const [, inImage] = /^ARG NODE_IMAGE=node:(\d+)/m.exec(readBook('Dockerfile')) ?? []
    const told = `${engines.node.replace('>=', '')} and later, tested with ${tested.replace(', ', ' and ')} on every change; the image has ${inImage}`
    expect(readBook(SECURITY)).toContain(told)
    for (const version of tested.split(', '))
      expect(readBook(SECURITY)).toMatch(new RegExp(`^\\| ${version} \\| \\d{4}-`, 'm'))
  })
})

describe('the changelog', () => {
  it('begins with the version of this code, which the manifest of Kubernetes runs', () => {
    const [, newest] = /^## (\S+)/m.exec(readBook('CHANGELOG.md')) ?? []
    expect(newest).toBe(MANIFEST.version)
    const manifest = readBook('fixtures/deploy/kubernetes/base/receiver.yaml')
    expect(manifest).toContain(`image: mailtrap-receiver:${MANIFEST.version}\n`)
  })
})

describe('the book for who changes the receiver', () => {
  it('tells of every room', () => {
    const linked = readLinks(CONTRIBUTING).map(({ path }) => path)
    for (const entry of readdirSync(join(ROOT, 'src'), { withFileTypes: true }))
      if (entry.isDirectory()) expect(linked).toContain(`../src/${entry.name}`)
  })
})

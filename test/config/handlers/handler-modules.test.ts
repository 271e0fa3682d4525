import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeFolder, problemLines, read, WITH_SECRET } from '../settings-folder.ts'

const CONFIG = { ...WITH_SECRET, CONFIG_FILE: 'receiver.yaml' }
const MIXED = {
  'handlers/b.ts': '',
  'handlers/a.mjs': '',
  'handlers/c.js': '',
  'handlers/d.mts': '',
  'handlers/e.cjs': '',
  'handlers/f.cts': '',
  'handlers/e.test.cjs': '',
  'handlers/types.d.cts': '',
  'handlers/types.d.ts': '',
  'handlers/b.test.ts': '',
  'handlers/notes.md': '',
  'handlers/inner/e.ts': '',
  'handlers/folder.ts/x': '',
}

function modulesIn(cwd: string, env: NodeJS.ProcessEnv = WITH_SECRET): string[] {
  return read(env, { cwd }).handlers.map(({ module }) => module.replace(`${cwd}/`, ''))
}

describe('handler modules', () => {
  it('are those of ./handlers by default, sorted, without tests and declarations', () => {
    const expected = ['a.mjs', 'b.ts', 'c.js', 'd.mts', 'e.cjs', 'f.cts'].map(
      (name) => `handlers/${name}`,
    )
    expect(modulesIn(makeFolder(MIXED))).toEqual(expected)
  })

  it('are the built-in log without ./handlers or with nothing in it', () => {
    expect(modulesIn(makeFolder())).toEqual(['built-in:log'])
    expect(modulesIn(makeFolder({ 'handlers/README.md': '' }))).toEqual(['built-in:log'])
  })

  it('may be named one by one and by folder, and count once', () => {
    const cwd = makeFolder({ ...MIXED, 'other/z.ts': '' })
    const env = { ...WITH_SECRET, HANDLERS: 'other/z.ts, ./handlers ,handlers/a.mjs,built-in:log' }
    expect(modulesIn(cwd, env)).toEqual([
      'other/z.ts',
      ...['a.mjs', 'b.ts', 'c.js', 'd.mts', 'e.cjs', 'f.cts'].map((name) => `handlers/${name}`),
      'built-in:log',
    ])
  })

  it.each([
    '.eslintrc.cjs',
    '._bounces.ts',
    'vitest.config.ts',
    'eslint.config.mjs',
    'mail.tsx',
    'mail.jsx',
  ])('are not made of %s, and its name is told', (name) => {
    const cwd = makeFolder({ 'handlers/a.ts': '', [`handlers/${name}`]: '' })
    for (const env of [WITH_SECRET, { ...WITH_SECRET, HANDLERS: './handlers' }]) {
      expect(modulesIn(cwd, env)).toEqual(['handlers/a.ts'])
      expect(read(env, { cwd }).warnings).toEqual([
        `${cwd}/handlers/${name} is not loaded: its name is not that of a handler.`,
      ])
    }
  })

  it('are told to be missing from ./handlers, where the built-in log takes every event', () => {
    expect(read(WITH_SECRET, { cwd: makeFolder() }).warnings).toEqual([])
    const helpers = makeFolder({ 'handlers/lib/a.ts': '' })
    expect(read(WITH_SECRET, { cwd: helpers }).warnings).toEqual([
      expect.stringMatching(/handlers holds no handler, .*built-in log handler takes every event/),
    ])
  })

  it('have limits of their own in the YAML file, the common ones otherwise', () => {
    const yaml = `
      handlerTimeout: 1m
      handlers:
        - ./a.ts
        - { module: ./b.ts, concurrency: 5, timeout: 10s, retry: [5s, 1m, 10m], memory: 64MB }
        - { module: ./c.ts, retry: [] }
    `
    const cwd = makeFolder({ 'a.ts': '', 'b.ts': '', 'c.ts': '', 'receiver.yaml': yaml })
    const { handlers, retryDelaysMs } = read(CONFIG, { cwd })
    const common = {
      concurrency: undefined,
      timeoutMs: 60_000,
      retryDelaysMs,
      maxHeapBytes: 268_435_456,
    }
    expect(handlers).toEqual([
      { ...common, module: join(cwd, 'a.ts') },
      {
        module: join(cwd, 'b.ts'),
        concurrency: 5,
        timeoutMs: 10_000,
        retryDelaysMs: [5_000, 60_000, 600_000],
        maxHeapBytes: 67_108_864,
      },
      { ...common, module: join(cwd, 'c.ts'), retryDelaysMs: [] },
    ])
  })

  it('of the environment replace those of the file', () => {
    const cwd = makeFolder({ 'a.ts': '', 'b.ts': '', 'receiver.yaml': 'handlers: ./a.ts' })
    expect(modulesIn(cwd, CONFIG)).toEqual(['a.ts'])
    expect(modulesIn(cwd, { ...CONFIG, HANDLERS: 'b.ts' })).toEqual(['b.ts'])
  })

  it.each([
    ['no.ts', 'does not exist'],
    ['notes.md', 'is no module'],
    ['types.d.ts', 'is no module'],
    ['empty', 'holds no module'],
  ])('%s is explained', (path, text) => {
    const cwd = makeFolder({ 'notes.md': '', 'types.d.ts': '', 'empty/readme': '' })
    const lines = problemLines(() => read({ ...WITH_SECRET, HANDLERS: path }, { cwd }))
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^HANDLERS names .*${path}.*${text}`))])
  })

  it('are all explained when several are wrong', () => {
    const cwd = makeFolder({ 'a.ts': '', 'x.py': '' })
    const lines = problemLines(() => read({ ...WITH_SECRET, HANDLERS: 'no.ts,a.ts,x.py' }, { cwd }))
    expect(lines).toEqual([
      expect.stringMatching(/^HANDLERS entry 1 names .*no\.ts, which does not exist/),
      expect.stringMatching(/^HANDLERS entry 3 names .*x\.py, which is no module/),
    ])
  })

  it.each([
    ['[{ module: a.ts, concurrency: 0 }]', 'handlers.0.concurrency'],
    ['[{ module: a.ts, timeout: 0ms }]', 'handlers.0.timeout'],
    ['[{ module: a.ts, retry: [1] }]', 'handlers.0.retry'],
    ['[{ module: a.ts, memory: 1MB }]', 'handlers.0.memory'],
    ['[{ module: a.ts, name: x }]', 'handlers.0.name'],
    ['[a.ts, { timeout: 1s }]', 'handlers.1'],
    ['[{ module: a.ts, forward: "http://a.test" }]', 'handlers.0'],
    ['[a.ts, b.ts]', 'handlers.1.module'],
    ['[]', 'handlers'],
  ])('handlers: %s is explained', (handlers, setting) => {
    const cwd = makeFolder({ 'a.ts': '', 'receiver.yaml': `handlers: ${handlers}` })
    const lines = problemLines(() => read(CONFIG, { cwd }))
    expect(lines.map((line) => line.split(' (receiver.yaml) ')[0])).toEqual([setting])
  })

  it('handlers: what is wrong behind a wrong one is told with its own place', () => {
    const cwd = makeFolder({ 'receiver.yaml': 'handlers: [{ forward: 5 }, b.ts]' })
    const lines = problemLines(() => read(CONFIG, { cwd }))
    const places = lines.map((line) => line.split(' (receiver.yaml) ')[0])
    expect(places).toEqual(['handlers.0.forward', 'handlers.1.module'])
  })
})

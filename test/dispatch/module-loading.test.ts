import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadedMs } from '../loaded-ms.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { PATIENCE_MS } from '../patience-ms.ts'
import { makeEvents } from './memory-store.ts'
import { modulePath, runLanes, settingsOf, waitUntil } from './run-lanes.ts'

describe('loading handler modules', { concurrent: true }, () => {
  it('reports a misspelt key as a problem to mend', async () => {
    const { report } = await runLanes({
      handlers: [{ name: 'misspelt-key' }, { name: 'noop' }],
    })
    expect(report.problems).toHaveLength(1)
    expect(report.problems[0]).toContain(modulePath('misspelt-key'))
    expect(report.problems[0]).toMatch(/no event `bounec`.*Did you mean `bounce`/s)
    expect(report.registrations.map(({ name }) => name)).toEqual(['noop'])
  })

  it('reports keys that are too much as a problem to mend', async () => {
    const handlers = [{ name: 'too-many-keys' }, { name: 'too-long-key' }]
    const { report, observer } = await runLanes({ handlers })
    expect(report.problems).toHaveLength(2)
    const told = report.problems.join('\n')
    expect(told).toMatch(/too-many-keys\.mjs.* `on` has 1,001 keys; no more than 1,000/)
    expect(told).toMatch(
      /too-long-key\.mjs.* key `activity_log\.kkk.*…` has 213 characters, and may have 200/,
    )
    expect(observer.facts.handlerStarted).toEqual([])
  })

  it('reports two handlers of one name', async () => {
    const { report } = await runLanes({ handlers: [{ name: 'noop' }, { name: 'twin' }] })
    expect(report.problems).toHaveLength(1)
    expect(report.problems[0]).toContain('Two handlers are called noop')
    expect(report.problems[0]).toContain(modulePath('noop'))
    expect(report.problems[0]).toContain(modulePath('twin'))
  })

  it('disables a module that cannot be loaded, says so, tries again, and runs the others', async () => {
    const handlers = [{ name: 'import-throws' }, { name: 'import-exits' }, { name: 'steady' }]
    const { report, store, observer } = await runLanes({ handlers })
    expect(report.problems).toEqual([])
    expect(report.registrations.map(({ name }) => name)).toEqual(['steady'])
    store.add(makeEvents('steady', 10))
    await waitUntil(() => store.count('steady', 'done') === 10)
    const ends = () =>
      observer.facts.handlerEnded.filter(({ handler }) => handler === 'import-throws.mjs')
    await waitUntil(() => ends().length >= 3)
    for (const { reason } of ends()) expect(reason).toMatch(/cannot reach my database/)
    expect(observer.facts.handlerStarted).toMatchObject([{ handler: 'steady' }])
  })

  it('gives up on modules that do not end, one that waits and one that computes', async () => {
    const hostile = ['import-hangs', 'import-spins']
    const { report, observer } = await runLanes({
      handlers: [...hostile, 'steady'].map((name) => ({ name })),
      // What computes is given processor time, of which others may have left little.
      startWaitMs: PATIENCE_MS,
      limits: { loadTimeoutMs: 2_000 },
    })
    expect(report.problems).toEqual([])
    expect(report.registrations.map(({ name }) => name)).toEqual(['steady'])
    for (const name of hostile) {
      const end = observer.facts.handlerEnded.find(({ handler }) => handler === `${name}.mjs`)
      expect(end, name).toMatchObject({ reason: 'It did not load within 2 s.' })
    }
  })

  it('does not wait for a slow module to begin with the others', async () => {
    const startedAt = performance.now()
    const { report, lanes, registered, observer } = await runLanes({
      handlers: [{ name: 'import-hangs' }],
      startWaitMs: 200,
      limits: { loadTimeoutMs: 6_000 },
    })
    expect(performance.now() - startedAt).toBeLessThan(loadedMs(3_000))
    expect(report).toEqual({ registrations: [], problems: [] })
    expect(lanes.unknownModules()).toEqual([modulePath('import-hangs')])
    await waitUntil(() => lanes.unknownModules().length === 0)
    expect(registered).toEqual([undefined])
    expect(lanes.broken()).toEqual(['import-hangs.mjs'])
    const [end] = observer.facts.handlerEnded
    expect(end).toMatchObject({ reason: 'It did not load within 6 s.' })
  })

  it('loads many modules, few at the same time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dispatch-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const names = Array.from({ length: 2 * availableParallelism() + 1 }, (_, n) => `many-${n}`)
    const settings = names.map((name) => {
      const module = join(folder, `${name}.mjs`)
      const text = `import { defineHandler } from 'mailtrap-receiver'
        export default defineHandler({ name: '${name}', on: { '*': () => {} } })`
      writeFileSync(module, text)
      return { ...settingsOf({ name }), module }
    })
    const { lanes, observer } = await runLanes({ handlers: [] })
    const childEnv = { PATH: process.env.PATH }
    expect(await lanes.reload({ handlers: settings, childEnv, isCodeNew: false })).toEqual({
      problems: [],
    })
    expect(lanes.registrations().map(({ name }) => name)).toHaveLength(names.length)
    expect(observer.facts.handlerEnded).toEqual([])
  })

  it('takes a module in when it can be loaded later', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dispatch-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'mended')
    const { report, store, registered, lanes } = await runLanes({
      handlers: [{ name: 'mended' }],
      childEnv: { PATH: process.env.PATH, MENDED_FILE: file },
    })
    expect(report).toEqual({ registrations: [], problems: [] })
    expect(lanes.broken()).toEqual(['mended.mjs'])
    store.add(makeEvents('mended', 5))
    expect(existsSync(file)).toBe(false)
    writeFileSync(file, '')
    await waitUntil(() => store.count('mended', 'done') === 5)
    expect(registered).toMatchObject([undefined, { name: 'mended', module: modulePath('mended') }])
    expect(lanes.broken()).toEqual([])
  })

  it('goes on trying to start a process that the system refuses to start', async () => {
    const handlers = [{ name: 'noop' }]
    const childEnv = { PATH: process.env.PATH, TOO_LARGE: 'x'.repeat(2 * 1024 * 1024) }
    const { report, lanes, store, observer } = await runLanes({ handlers, childEnv })
    expect(report).toEqual({ registrations: [], problems: [] })
    await waitUntil(() => observer.facts.handlerEnded.length >= 2)
    expect(observer.facts.handlerEnded[1]).toMatchObject({
      reason: 'it could not be started: spawn E2BIG',
      isPlanned: false,
    })
    await lanes.reload({
      handlers: [settingsOf({ name: 'noop' })],
      childEnv: { PATH: process.env.PATH },
      isCodeNew: false,
    })
    store.add(makeEvents('noop', 1))
    await waitUntil(() => store.count('noop', 'done') === 1)
  })

  it('gives a handler the environment it was given, and nothing of ours', async () => {
    const { store, observer } = await runLanes({
      handlers: [{ name: 'showing-environment', maxHeapBytes: 99 * 1024 * 1024 }],
      childEnv: { PATH: process.env.PATH, FOR_HANDLERS: 'yes' },
    })
    store.add(makeEvents('showing', 1))
    await waitUntil(() => observer.facts.handlerWrote.length === 1)
    const names = observer.facts.handlerWrote[0]?.fields?.['names'] as string[]
    expect(names.toSorted()).toEqual(['FOR_HANDLERS', 'MAILTRAP_RECEIVER_HANDLER_PROCESS', 'PATH'])
    expect(observer.facts.handlerWrote[0]?.fields?.['argv']).toContain('--max-old-space-size=99')
  })
})

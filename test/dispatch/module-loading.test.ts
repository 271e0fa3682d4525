import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { HandlerRegistration } from '../../src/model.ts'
import { makeJobs } from './memory-store.ts'
import { modulePath, runDispatcher, waitUntil } from './run-dispatcher.ts'

describe('loading handler modules', () => {
  it('reports a misspelt key as a problem to mend', async () => {
    const { report } = await runDispatcher({
      handlers: [{ name: 'misspelt-key' }, { name: 'noop' }],
    })
    expect(report.problems).toHaveLength(1)
    expect(report.problems[0]).toContain(modulePath('misspelt-key'))
    expect(report.problems[0]).toMatch(/no event `bounec`.*Did you mean `bounce`/s)
    expect(report.registrations.map(({ name }) => name)).toEqual(['noop'])
  })

  it.each([
    ['too-many-keys', /1,001 keys.*no more than 1,000/],
    ['too-long-key', /key `activity_log\.kkk.*…` has 213 characters, and may have 200/],
  ])('reports keys that are too much as a problem to mend: %s', async (name, problem) => {
    const { report, observer } = await runDispatcher({ handlers: [{ name }] })
    expect(report.problems).toHaveLength(1)
    expect(report.problems[0]).toMatch(problem)
    expect(observer.facts.handlerStarted).toEqual([])
  })

  it('reports two handlers of one name', async () => {
    const { report } = await runDispatcher({ handlers: [{ name: 'noop' }, { name: 'twin' }] })
    expect(report.problems).toHaveLength(1)
    expect(report.problems[0]).toContain('Two handlers are called noop')
    expect(report.problems[0]).toContain(modulePath('noop'))
    expect(report.problems[0]).toContain(modulePath('twin'))
  })

  it('disables a module that cannot be loaded, says so, tries again, and runs the others', async () => {
    const handlers = [{ name: 'import-throws' }, { name: 'import-exits' }, { name: 'steady' }]
    const { report, store, observer } = await runDispatcher({ handlers })
    expect(report.problems).toEqual([])
    expect(report.registrations.map(({ name }) => name)).toEqual(['steady'])
    store.add(makeJobs('steady', 10))
    await waitUntil(() => store.count('steady', 'done') === 10)
    const ends = () =>
      observer.facts.handlerEnded.filter(({ handler }) => handler === 'import-throws.mjs')
    await waitUntil(() => ends().length >= 3)
    for (const { reason } of ends()) expect(reason).toMatch(/cannot reach my database/)
    expect(observer.facts.handlerStarted).toMatchObject([{ handler: 'steady' }])
  })

  it.each(['import-hangs', 'import-spins'])(
    'gives up on a module that does not end: %s',
    async (name) => {
      const handlers = [{ name }, { name: 'steady' }]
      // Long enough for the steady one on a busy machine.
      const { report, observer } = await runDispatcher({
        handlers,
        limits: { loadTimeoutMs: 6_000 },
      })
      expect(report.problems).toEqual([])
      expect(report.registrations.map((registration) => registration.name)).toEqual(['steady'])
      expect(observer.facts.handlerEnded[0]).toMatchObject({
        handler: `${name}.mjs`,
        reason: 'It did not load within 6 s.',
      })
    },
  )

  it('does not wait for a slow module to begin with the others', async () => {
    const startedAt = performance.now()
    const { report } = await runDispatcher({
      handlers: [{ name: 'import-hangs' }],
      startWaitMs: 200,
    })
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(report).toEqual({ registrations: [], problems: [] })
  })

  it('takes a module in when it can be loaded later', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dispatch-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'mended')
    const late: HandlerRegistration[] = []
    const { report, store } = await runDispatcher({
      handlers: [{ name: 'mended' }],
      childEnv: { PATH: process.env.PATH, MENDED_FILE: file },
      onLateRegistration: (registration) => late.push(registration),
    })
    expect(report).toEqual({ registrations: [], problems: [] })
    store.add(makeJobs('mended', 5))
    expect(existsSync(file)).toBe(false)
    writeFileSync(file, '')
    await waitUntil(() => store.count('mended', 'done') === 5)
    expect(late).toMatchObject([{ name: 'mended', module: modulePath('mended') }])
  })

  it('goes on trying to start a process that the system refuses to start', async () => {
    const handlers = [{ name: 'noop' }]
    const childEnv = { PATH: process.env.PATH, TOO_LARGE: 'x'.repeat(2 * 1024 * 1024) }
    const { report, dispatcher, store, observer } = await runDispatcher({ handlers, childEnv })
    expect(report).toEqual({ registrations: [], problems: [] })
    await waitUntil(() => observer.facts.handlerEnded.length >= 2)
    expect(observer.facts.handlerEnded[1]).toMatchObject({
      reason: 'it could not be started: spawn E2BIG',
      isPlanned: false,
    })
    await dispatcher.reload({
      handlers: [{ module: modulePath('noop'), timeoutMs: 20_000, retryDelaysMs: [] }],
      childEnv: { PATH: process.env.PATH },
      isCodeNew: false,
    })
    store.add(makeJobs('noop', 1))
    await waitUntil(() => store.count('noop', 'done') === 1)
  })

  it('gives a handler the environment it was given, and nothing of ours', async () => {
    const { store, observer } = await runDispatcher({
      handlers: [{ name: 'showing-environment', maxHeapBytes: 99 * 1024 * 1024 }],
      childEnv: { PATH: process.env.PATH, FOR_HANDLERS: 'yes' },
    })
    store.add(makeJobs('showing', 1))
    await waitUntil(() => observer.facts.handlerWrote.length === 1)
    const names = observer.facts.handlerWrote[0]?.fields?.['names'] as string[]
    expect(names.toSorted()).toEqual(['FOR_HANDLERS', 'MAILTRAP_RECEIVER_HANDLER_PROCESS', 'PATH'])
    expect(observer.facts.handlerWrote[0]?.fields?.['argv']).toContain('--max-old-space-size=99')
  })
})

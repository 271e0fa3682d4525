import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runHost, waitUntil } from './run-host.ts'

const event = { event: 'delivery' }

const isAlive = (pid: number | undefined) => existsSync(`/proc/${pid}`)

function moduleText(on: string, before = ''): string {
  return `import { defineHandler } from 'mailtrap-receiver'
    ${before}
    export default defineHandler({ name: 'tested', on: { ${on} } })`
}

describe('a module', { concurrent: true }, () => {
  it.each([
    ['misspelt-key', 'invalid', /no event `bounec`.*Did you mean `bounce`/s],
    ['import-throws', 'load', /cannot reach my database/],
  ])('that cannot be used ends its process, which says why: %s', async (name, kind, problem) => {
    const host = await runHost({ name })
    await waitUntil(() => host.exit !== undefined)
    expect(host.exit?.code).toBe(1)
    expect(host.frames).toEqual([{ failed: { kind, problems: [expect.stringMatching(problem)] } }])
  })

  it('that throws where nobody waits, while it loads, has not loaded', async () => {
    const before = `setImmediate(() => { throw new Error('too early') })
      await new Promise((resolve) => setTimeout(resolve, 2_000))`
    const host = await runHost({ text: moduleText(`'*': () => {}`, before) })
    await waitUntil(() => host.exit !== undefined)
    const problems = [expect.stringMatching(/^Error: too early/)]
    expect(host.frames).toEqual([{ failed: { kind: 'load', problems } }])
  })

  it('that patches globals while it loads does not keep its events from being run', async () => {
    const patches = `
      JSON.stringify = () => 'patched'
      JSON.parse = () => ({ patched: true })
      globalThis.setTimeout = globalThis.setImmediate = globalThis.queueMicrotask = () => {}
      globalThis.Promise = globalThis.AbortController = globalThis.DOMException = undefined
      Object.prototype.patched = true
      Object.defineProperty = () => {}
      process.exit = () => {}
      performance.now = () => 0`
    const on = `'email.opened': (event, { signal, log }) => log.info('seen', {
        isAborted: signal.aborted, email: event.original.email, ...event.variables,
      }),
      'email.clicked': (event, { signal }) => ({
        then: (resolve) => signal.addEventListener('abort', resolve),
      }),
      '*': () => { throw new Error('failed') }`
    const host = await runHost({ text: moduleText(on, patches) }, { timeoutMs: 200 })
    const open = { event: 'open', email: 'a@example.com', custom_variables: { answer: 42 } }
    host.send({ page: 1, parts: [[open, event, { event: 'click' }]] })
    await waitUntil(() => host.toldOf(1).size === 3)
    expect([...host.toldOf(1)].toSorted()).toEqual([
      [0, 'done'],
      [1, 'retry'],
      [2, 'retry'],
    ])
    const fields = { isAborted: false, email: 'a@example.com', answer: 42 }
    expect(host.logs).toMatchObject([{ level: 'info', text: 'seen', fields }])
    expect(host.failures.map(({ error }) => error)).toEqual([
      expect.stringMatching(/^Error: failed/),
      'timed out after 200 ms',
    ])
    host.order({ stop: true })
    await waitUntil(() => host.exit !== undefined)
    expect(host.exit).toEqual({ code: 0, signal: null })
  })
})

describe('a handler’s process', { concurrent: true }, () => {
  it('ignores signals: its parent decides when it ends', async () => {
    const host = await runHost({ name: 'noop' })
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1'] as const) {
      host.child.kill(signal)
    }
    host.send({ page: 1, parts: [[event]] })
    await waitUntil(() => host.count(1, 'done') === 1)
    expect(host.exit).toBeUndefined()
  })

  it('does not open the inspector for SIGUSR1, not even while its module loads', async () => {
    const before = `import inspector from 'node:inspector'
      import { setTimeout as sleep } from 'node:timers/promises'
      const ask = async () => {
        process.kill(process.pid, 'SIGUSR1')
        await sleep(200)
        return inspector.url() ?? 'closed'
      }
      const whileLoading = await ask()`
    const on = `'*': async (event, { log }) => log.info(whileLoading + ', ' + await ask())`
    const host = await runHost({ text: moduleText(on, before) })
    host.send({ page: 1, parts: [[event]] })
    await waitUntil(() => host.logs.length === 1)
    expect(host.logs[0]?.text).toBe('closed, closed')
    expect(host.output.join('')).not.toContain('Debugger')
  })

  it('ends with all that it started when its parent has gone', async () => {
    const before = `import { spawn } from 'node:child_process'
      const { pid } = spawn('sleep', ['300'])`
    const on = `'*': (event, { log }) => log.info('pid', { pid })`
    const host = await runHost({ text: moduleText(on, before) })
    host.send({ page: 1, parts: [[event]] })
    await waitUntil(() => host.logs.length === 1)
    const pid = host.logs[0]?.fields?.['pid'] as number
    expect(isAlive(pid)).toBe(true)
    host.hangUp()
    await waitUntil(() => host.exit !== undefined)
    expect(host.exit?.signal).toBe('SIGKILL')
  })
})

describe('the log of a handler', { concurrent: true }, () => {
  it('is told with its event, and bounded in lines and in size', async () => {
    const on = `'*': (event, { log }) => {
      const circle = {}
      circle.self = circle
      log.warn('fields', { answer: 42 })
      log.info('circle', circle)
      log.info('big', { text: 'w'.repeat(100_000) })
      log.error('x'.repeat(100_000), ['no', 'fields'])
      for (let line = 0; line < 50_000; line++) log.debug('line ' + line)
    }`
    const host = await runHost({ text: moduleText(on) })
    host.send({ page: 1, parts: [[event]] })
    await waitUntil(() => host.frames.some(({ droppedLogs }) => droppedLogs !== undefined))
    await waitUntil(() => host.logs.length === 1_000)
    const place = { page: 1, at: 0, events: 1 }
    expect(host.logs.slice(0, 5)).toEqual([
      { level: 'warn', text: 'fields', fields: { answer: 42 }, ...place },
      { level: 'info', text: 'circle', fields: { omitted: 'not JSON' }, ...place },
      { level: 'info', text: 'big', fields: { omitted: 'too large' }, ...place },
      { level: 'error', text: 'x'.repeat(4_000), ...place },
      { level: 'debug', text: 'line 0', ...place },
    ])
    const dropped = host.frames.reduce((sum, { droppedLogs = 0 }) => sum + droppedLogs, 0)
    expect(dropped).toBe(50_004 - 1_000)
    expect(host.count(1, 'done')).toBe(1)
  })

  it('is told also of what is logged when nothing runs', async () => {
    const on = `'*': (event, { log }) => { setTimeout(() => log.info('late'), 100) }`
    const host = await runHost({ text: moduleText(on) })
    host.send({ page: 1, parts: [[event]] })
    await waitUntil(() => host.logs.length === 1)
    expect(host.logs).toMatchObject([{ level: 'info', text: 'late' }])
  })
})

import { describe, expect, it } from 'vitest'
import { machineMs, msOf, PROGRESS } from '../../../src/dispatch/channel-frames.ts'
import { runHost, waitUntil } from './run-host.ts'

const { waiting, started, done, failed } = PROGRESS

const HANDLER = `import { defineHandler } from 'mailtrap-receiver'
export default defineHandler({ name: 'tested', on: {
  click: () => Promise.reject(new Error('failed')),
  open: () => new Promise(() => {}),
  reject: () => process.kill(process.pid, 'SIGKILL'),
  spam: () => process.exit(3),
  'email.delivered': () => {},
} })`
const named = (...names: string[]) => [names.map((event) => ({ event }))]

describe('the progress file', { concurrent: true }, () => {
  it('says what has started before it starts, and what has ended', async () => {
    const host = await runHost({ text: HANDLER }, { concurrency: 2 })
    const names = ['delivery', 'click', 'open', 'delivery', 'open', 'delivery']
    host.send({ page: 1, slot: 3, parts: named(...names) })
    await waitUntil(() => host.progress(3, 6)[4] === started)
    expect(host.progress(3, 6)).toEqual([done, failed, started, done, started, waiting])
    expect(host.progress(2, 6)).toEqual([waiting, waiting, waiting, waiting, waiting, waiting])
  })

  it('blames what was under way when the process is killed, and nothing else', async () => {
    const host = await runHost({ text: HANDLER }, { concurrency: 2 })
    const names = ['delivery', 'delivery', 'reject', 'delivery', 'delivery']
    host.send({ page: 1, parts: named(...names) })
    await waitUntil(() => host.exit !== undefined)
    expect(host.progress(0, 5)).toEqual([done, done, started, started, waiting])
    expect(host.toldOf(1).size).toBe(0)
  })

  it('says when each attempt was started, until it has ended', async () => {
    const text = `import { defineHandler } from 'mailtrap-receiver'
      const held = []
      export default defineHandler({ name: 'tested', on: {
        open: () => new Promise((resolve) => held.push(resolve)),
        click: () => held.shift()(),
      } })`
    const host = await runHost({ text })
    const startedAt = (slot: number) => {
      const [entry = 0] = host.entries(slot, 1)
      return entry % 8 === started ? msOf(entry) : 0
    }
    const before = Math.floor(machineMs())
    host.send({ page: 1, slot: 0, parts: named('open') })
    await waitUntil(() => startedAt(0) !== 0)
    const first = startedAt(0)
    expect(first).toBeGreaterThanOrEqual(before)
    expect(first).toBeLessThanOrEqual(machineMs())
    await waitUntil(() => machineMs() > first + 10)
    host.send({ page: 2, slot: 1, parts: named('open') })
    await waitUntil(() => startedAt(1) !== 0)
    expect(startedAt(0)).toBe(first)
    expect(startedAt(1)).toBeGreaterThan(first)
    host.send({ page: 3, slot: 2, parts: named('click') })
    await waitUntil(() => host.count(1, 'done') === 1)
    expect(startedAt(0)).toBe(0)
    host.send({ page: 4, slot: 3, parts: named('click') })
    await waitUntil(() => startedAt(1) === 0)
    await waitUntil(() => host.count(2, 'done') === 1)
  })

  it('is left alone where a page was, once it is told: its slot may be another page’s', async () => {
    const host = await runHost({ text: HANDLER }, { concurrency: 1 })
    host.send({ page: 1, slot: 0, parts: named('delivery') })
    await waitUntil(() => host.count(1, 'done') === 1)
    const before = host.progress(0, 1)
    host.send({ page: 2, slot: 1, parts: named('delivery', 'open') })
    await waitUntil(() => host.progress(1, 2)[1] === started)
    expect(host.progress(0, 1)).toEqual(before)
    expect(host.progress(1, 2)).toEqual([done, started])
  })
})

describe('a process that ends', { concurrent: true }, () => {
  it('has told what had ended before, when its handler exits', async () => {
    const host = await runHost({ text: HANDLER }, { concurrency: 1 })
    host.send({ page: 1, parts: named('delivery', 'click', 'spam', 'delivery') })
    await waitUntil(() => host.exit !== undefined)
    expect(host.exit?.code).toBe(3)
    expect([...host.toldOf(1)].toSorted()).toEqual([
      [0, 'done'],
      [1, 'retry'],
    ])
    expect(host.progress(0, 4)).toEqual([done, failed, started, waiting])
  })

  it.each([
    ['setImmediate(() => { throw new Error("nobody waits") })', /^Error: nobody waits/],
    ['void Promise.reject(new Error("nobody waits"))', /^Error: nobody waits/],
    ['setImmediate(() => { throw null })', /null/],
  ])('says why, when nobody caught the error: %s', async (act, reason) => {
    const text = `import { defineHandler } from 'mailtrap-receiver'
      export default defineHandler({ name: 'tested', on: {
        open: () => { ${act}; return new Promise(() => {}) },
        '*': () => {},
      } })`
    const host = await runHost({ text }, { concurrency: 1 })
    host.send({ page: 1, parts: named('delivery', 'open') })
    await waitUntil(() => host.exit !== undefined)
    expect(host.exit?.code).toBe(1)
    expect(host.frames.at(-1)?.ending).toMatch(reason)
    expect(host.output.join('')).toMatch(reason)
    expect(host.toldOf(1)).toEqual(new Map([[0, 'done']]))
  })
})

describe('an attempt that overruns its time', { concurrent: true }, () => {
  it('has its signal aborted, and has failed whatever it answers then', async () => {
    const text = `import { defineHandler } from 'mailtrap-receiver'
      export default defineHandler({ name: 'tested', on: {
        open: (event, { signal, log }) => new Promise((resolve) => {
          signal.addEventListener('abort', () => { log.warn(signal.reason.name); resolve() })
        }),
        '*': (event) => new Promise((resolve) => setTimeout(resolve, event.ms)),
      } })`
    const host = await runHost({ text }, { timeoutMs: 300 })
    const parts = [[{ event: 'open' }, { event: 'x', ms: 50 }, { event: 'x', ms: 500 }]]
    host.send({ page: 1, parts })
    await waitUntil(() => host.toldOf(1).size === 3)
    expect(host.toldOf(1)).toEqual(
      new Map([
        [0, 'retry'],
        [2, 'retry'],
        [1, 'done'],
      ]),
    )
    for (const { error, ms } of host.failures) {
      expect(error).toBe('timed out after 300 ms')
      expect(ms).toBeGreaterThanOrEqual(299)
    }
    expect(host.logs).toMatchObject([{ level: 'warn', text: 'TimeoutError' }])
  })
})

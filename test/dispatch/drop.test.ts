import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { type MemoryStore, makeEvents, type TestEvent } from './memory-store.ts'
import { runLanes, waitUntil } from './run-lanes.ts'

const numbersOf = (events: readonly TestEvent[]) => events.map(({ event }) => event)

/** As a store that has erased them: it has nothing of them to hand out. */
function erase(store: MemoryStore, events: readonly TestEvent[]): readonly number[] {
  for (const { event, handler } of events) store.get(handler, event).state = 'dead'
  return numbersOf(events)
}

function expectUntried(store: MemoryStore, events: readonly TestEvent[]): void {
  for (const { event, handler } of events) expect(store.get(handler, event).attempts).toEqual([])
}

describe('dropping events that are no more', () => {
  it('lets what runs end, begins none of them, and goes on with the others', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drop-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const GATE = join(folder, 'gate')
    const { lanes, store, observer } = await runLanes({
      handlers: [{ name: 'gated', concurrency: 1 }],
      childEnv: { PATH: process.env.PATH, GATE },
    })
    const [running, gone, left] = [1, 20, 20].map((count) => makeEvents('gated', count))
    const all = [running!, gone!, left!].flat()
    store.add(all)
    await waitUntil(() => observer.facts.handlerWrote.length === 1)
    const asked: number[][] = []
    await lanes.drop((events) => {
      asked.push([...events])
      return erase(store, gone!)
    })
    expect(asked).toEqual([numbersOf(all)])
    writeFileSync(GATE, '')
    await waitUntil(() => store.count('gated', 'done') === 21)
    expectUntried(store, gone!)
    expect(observer.facts.handlerEnded).toEqual([])
  })

  it('does not wait for a process that ends instead', async () => {
    const handlers = [{ name: 'acting', concurrency: 1, timeoutMs: 300 }]
    const { lanes, store, observer } = await runLanes({ handlers, limits: { graceMs: 100 } })
    const spinning = makeEvents('acting', 1, { act: 'spin' })
    const gone = makeEvents('acting', 5, { act: 'throwPermanent' })
    store.add([...spinning, ...gone])
    await waitUntil(() => observer.facts.handlerWrote.some(({ text }) => text === 'spinning'))
    await lanes.drop(() => erase(store, gone))
    await waitUntil(() => observer.facts.handlerEnded.length > 0)
    expectUntried(store, gone)
  })
})

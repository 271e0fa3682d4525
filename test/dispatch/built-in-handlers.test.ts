import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { listen } from '../handlers/built-in/forward/listen.ts'
import { makeEvents } from './memory-store.ts'
import { runLanes, settingsOf, waitUntil } from './run-lanes.ts'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

it('runs a handler without a module in a process like any other, which alone has its secret', async () => {
  const { url, requests } = await listen()
  const options = { url, format: 'event', secret: SECRET, headers: {}, batchSize: 1 }
  const builtIn = { kind: 'forward', name: 'to-app', events: ['*'], options } as const
  const { store, report, observer } = await runLanes({
    handlers: [{ name: 'acting' }, { name: 'to-app', module: 'built-in:forward/to-app', builtIn }],
  })
  expect(report.registrations).toContainEqual({
    name: 'to-app',
    module: 'built-in:forward/to-app',
    keys: ['*'],
    takesBatches: false,
  })
  store.add(makeEvents('to-app', 20))
  await waitUntil(() => store.count('to-app', 'done') === 20)
  expect(requests).toHaveLength(20)
  for (const { pid } of observer.facts.handlerStarted) {
    for (const file of ['cmdline', 'environ']) {
      expect(readFileSync(`/proc/${pid}/${file}`, 'latin1')).not.toContain(SECRET)
    }
  }
})

it('goes over to other settings while it runs', async () => {
  const [one, other] = [await listen(), await listen()]
  const handlerTo = (url: string) => {
    const options = { url, format: 'event', headers: {}, batchSize: 1 }
    const builtIn = { kind: 'forward', name: 'to-app', events: ['*'], options } as const
    return { name: 'to-app', module: 'built-in:forward/to-app', builtIn }
  }
  const { lanes, store } = await runLanes({ handlers: [handlerTo(one.url)] })
  store.add(makeEvents('to-app', 5))
  await waitUntil(() => store.count('to-app', 'done') === 5)
  const order = { handlers: [settingsOf(handlerTo(other.url))], childEnv: {} }
  expect(await lanes.reload(order)).toEqual({ problems: [] })
  store.add(makeEvents('to-app', 7))
  await waitUntil(() => store.count('to-app', 'done') === 12)
  expect([one.requests.length, other.requests.length]).toEqual([5, 7])
})

import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { expect, it, onTestFinished, vi } from 'vitest'
import { keepUnpackThread } from '../../src/unpack/keep-unpack-thread.ts'
import { createRecordingObserver } from '../dispatch/recording-observer.ts'

/** A thread whose store is this end of a channel. */
function keepThread() {
  const { port1: store, port2: port } = new MessageChannel()
  onTestFinished(() => store.close())
  const observer = createRecordingObserver()
  const connect = vi.fn(() => ({
    store: { engine: 'sqlite', port } as const,
    registrations: [],
    redaction: undefined,
    leaseMs: 60_000,
  }))
  const thread = keepUnpackThread({ connect, observer })
  return { thread, store, connect, failures: observer.facts.unpackFailed }
}

it('has stopped when its thread fails instead of ending as it was told', async () => {
  const { thread, store, failures } = keepThread()
  thread.start()
  await once(store, 'message')
  const stopped = thread.stop()
  // It waits for an answer, and this is none.
  store.postMessage(null)
  await stopped
  expect(failures).toHaveLength(1)
})

it('starts no thread once it has stopped', async () => {
  const { thread, connect } = keepThread()
  await thread.stop()
  thread.start()
  expect(connect).not.toHaveBeenCalled()
})

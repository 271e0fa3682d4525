import { describe, expect, it } from 'vitest'
import type { App } from '../../src/app/running-app.ts'
import { runReceiver } from '../../src/cli/run-receiver.ts'
import { ReceiverError } from '../../src/errors.ts'

type Receiver = Omit<App, 'reload'>

const ADDRESSES = { publicUrl: 'http://127.0.0.1:3000', adminUrl: undefined, handlers: [] }

function build(changes: Partial<Receiver> = {}) {
  const calls: string[] = []
  const stop = new AbortController()
  const stopAgain = new AbortController()
  const receiver: Receiver = {
    start: async () => {
      calls.push('start')
      return ADDRESSES
    },
    stop: async () => void calls.push('stop'),
    stopNow: async () => void calls.push('stopNow'),
    failed: new Promise(() => {}),
    ...changes,
  }
  const signals = { stopped: stop.signal, stoppedAgain: stopAgain.signal }
  return { receiver, signals, stop, stopAgain, calls }
}

describe('runReceiver', () => {
  it('stops in good order when asked', async () => {
    const { receiver, signals, stop, calls } = build()
    await runReceiver(receiver, signals, async () => {
      stop.abort()
      return 'stay'
    })
    expect(calls).toEqual(['start', 'stop'])
  })

  it('stops by itself when its work is done', async () => {
    const { receiver, signals, calls } = build()
    await runReceiver(receiver, signals, async () => 'stop')
    expect(calls).toEqual(['start', 'stop'])
  })

  it('stops although it was asked before it was up', async () => {
    const { receiver, signals, stop, calls } = build()
    stop.abort()
    await runReceiver(receiver, signals, async () => 'stay')
    expect(calls).toEqual(['start', 'stop'])
  })

  it('stops a receiver that is still starting, and does nothing with it', async () => {
    let fail = (_error: Error) => {}
    const { receiver, signals, stop, calls } = build({
      start: () => {
        stop.abort()
        return new Promise((_resolve, reject) => {
          fail = reject
        })
      },
      stop: async () => {
        calls.push('stop')
        fail(new Error('stopped'))
      },
    })
    await runReceiver(receiver, signals, async () => {
      calls.push('up')
      return 'stay'
    })
    expect(calls).toEqual(['stop'])
  })

  it('does not wait for a stop that takes its time when asked again', async () => {
    const { receiver, signals, stop, stopAgain, calls } = build({
      stop: () => {
        stopAgain.abort()
        return new Promise(() => {})
      },
    })
    const run = runReceiver(receiver, signals, async () => {
      stop.abort()
      return 'stay'
    })
    await expect(run).rejects.toThrow('Stopped at once')
    expect(calls).toEqual(['start', 'stopNow'])
  })

  it('says that it was hurried, although the ordinary stop ended as soon', async () => {
    const { receiver, signals, stop, stopAgain } = build({ stop: async () => stopAgain.abort() })
    stop.abort()
    await expect(runReceiver(receiver, signals, async () => 'stay')).rejects.toThrow(
      'Stopped at once',
    )
  })

  it('ends with the reason when the receiver cannot go on', async () => {
    const reason = new ReceiverError('store_closed', { detail: 'the disk is gone' })
    const { receiver, signals } = build({ failed: Promise.resolve(reason) })
    await expect(runReceiver(receiver, signals, async () => 'stay')).rejects.toBe(reason)
  })

  it('stops before it reports that its work failed', async () => {
    const { receiver, signals, calls } = build()
    const run = runReceiver(receiver, signals, async () => {
      throw new Error('no answer')
    })
    await expect(run).rejects.toThrow('no answer')
    expect(calls).toEqual(['start', 'stop'])
  })
})

import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type ErrorCode, ReceiverError } from '../../src/errors.ts'
import type { StoreHint } from '../../src/store/store.ts'
import { watchJournal } from '../../src/store/watch-journal.ts'
import { sampleBatch } from './sample-rows.ts'

/** A watched store that fails with `code` until it is mended. */
function watch(code: ErrorCode) {
  let isMended = false
  const work = async () => {
    if (!isMended) throw new ReceiverError(code)
  }
  const hints = new Set<(hint: StoreHint) => void>()
  const onHint = (listener: (hint: StoreHint) => void) => {
    hints.add(listener)
    return () => hints.delete(listener)
  }
  const store = { append: vi.fn(work), probe: vi.fn(work), onHint }
  const observer = { storeFailed: vi.fn(), storeRecovered: vi.fn() }
  const onBroken = vi.fn()
  const journal = watchJournal(store, { observer, onBroken })
  onTestFinished(journal.stop)
  const mend = () => {
    isMended = true
  }
  const hint = (text: StoreHint) => {
    for (const listener of hints) listener(text)
  }
  return { journal, store, observer, onBroken, mend, hint }
}

describe('watchJournal', () => {
  it('tells a failure once, and asks by itself until the store works again', async () => {
    const { journal, store, observer, onBroken, mend } = watch('store_full')
    expect(journal.state()).toBe('ok')
    await expect(journal.append(sampleBatch())).rejects.toMatchObject({ code: 'store_full' })
    await expect(journal.append(sampleBatch())).rejects.toMatchObject({ code: 'store_full' })
    expect(journal.state()).toBe('store_full')

    mend()
    await vi.waitFor(() => expect(journal.state()).toBe('ok'), 5_000)
    expect(store.append).toHaveBeenCalledTimes(2)
    expect(observer.storeFailed).toHaveBeenCalledTimes(1)
    expect(observer.storeRecovered).toHaveBeenCalledTimes(1)
    expect(onBroken).not.toHaveBeenCalled()
  })

  it.each(['store_broken', 'store_closed', 'store_gone'] as const)(
    'gives up a store that fails with %s, and does not ask again',
    async (code) => {
      const { journal, store, onBroken } = watch(code)
      await expect(journal.append(sampleBatch())).rejects.toMatchObject({ code })
      expect(journal.state()).toBe(code)
      expect(onBroken.mock.calls).toMatchObject([[{ code }]])
      expect(store.probe).not.toHaveBeenCalled()
    },
  )

  it('asks what is wrong when the store says that it failed, with no batch to keep', async () => {
    const { journal, hint, onBroken } = watch('store_gone')
    hint('batches')
    expect(journal.state()).toBe('ok')
    hint('failure')
    await vi.waitFor(() => expect(onBroken.mock.calls).toMatchObject([[{ code: 'store_gone' }]]))
    expect(journal.state()).toBe('store_gone')
    expect(journal.canAcknowledge()).toBe(false)
  })

  it('takes it as it should be that the store is closed once it has stopped', async () => {
    const { journal, observer, onBroken } = watch('store_closed')
    journal.stop()
    await expect(journal.append(sampleBatch())).rejects.toMatchObject({ code: 'store_closed' })
    expect(observer.storeFailed).not.toHaveBeenCalled()
    expect(onBroken).not.toHaveBeenCalled()
  })
})

import { ReceiverError } from '../../../src/errors.ts'
import type { Batch } from '../../../src/model.ts'

/** What the shared store does with what it is given. */
export type Mode = 'up' | 'down' | 'hangs' | 'fails after commit'

/** A shared store that can be away in every way in which a database can. */
export function createFakeStore(mode: Mode = 'up') {
  const kept: Batch[] = []
  const refused = new Set<string>()
  const held = new Map<string, Promise<void>>()
  const hanging: (() => void)[] = []
  const store = { mode, kept, refused, held, calls: 0, append, probe, commitWhatHangs }

  function commit(batch: Batch): void {
    if (kept.some(({ id }) => id === batch.id)) return
    const { id, source, provider, receivedAt, contentType, sha256 } = batch
    const body = Buffer.from(batch.body)
    kept.push({ id, source, provider, receivedAt, contentType, sha256, body })
  }

  async function answer(work: () => void): Promise<void> {
    store.calls++
    if (store.mode === 'hangs') {
      await new Promise<void>((resolve) => hanging.push(resolve))
      work()
    } else if (store.mode === 'down') throw new ReceiverError('store_busy', { detail: 'down' })
    else work()
    if (store.mode === 'fails after commit') throw new ReceiverError('store_busy')
  }

  async function append(batch: Batch): Promise<void> {
    await held.get(batch.id)
    if (refused.has(batch.id)) throw new ReceiverError('store_refused', { detail: 'of its bytes' })
    await answer(() => commit(batch))
  }

  function probe(): Promise<void> {
    return answer(() => {})
  }

  function commitWhatHangs(): void {
    for (const go of hanging.splice(0)) go()
  }

  return store
}

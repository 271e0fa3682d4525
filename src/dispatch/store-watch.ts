import { ReceiverError } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'

/** Tells the observer when the store begins to fail, and when it is well again. */
export interface StoreWatch {
  failed(error: unknown): void
  succeeded(): void
}

export function createStoreWatch(
  observer: Pick<Observer, 'storeFailed' | 'storeRecovered'>,
): StoreWatch {
  let isFailing = false
  return {
    failed(error) {
      if (isFailing) return
      isFailing = true
      const code = error instanceof ReceiverError ? error.code : 'unknown'
      observer.storeFailed({ code, detail: error instanceof Error ? error.message : String(error) })
    },
    succeeded() {
      if (!isFailing) return
      isFailing = false
      observer.storeRecovered()
    },
  }
}

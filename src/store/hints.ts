import type { StoreHint } from './store.ts'

/**
 * Carries hints between those who work on one store: in this thread, beside it, and elsewhere.
 * `tellOthers` is of replicas.
 */
export function createHints(tellOthers: (hint: StoreHint) => void = () => {}) {
  const listeners = new Set<(hint: StoreHint) => void>()

  /** Tells everybody here what was told elsewhere. */
  function pass(hint: StoreHint): void {
    for (const listener of listeners) listener(hint)
  }

  return {
    onHint(listener: (hint: StoreHint) => void): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    /** Tells everybody, and other replicas too. */
    tell(hint: StoreHint): void {
      pass(hint)
      tellOthers(hint)
    },
    pass,
  }
}

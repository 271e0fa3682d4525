import type { StoreHint } from '../store.ts'

/** Carries hints between those who work on one store: in this thread, beside it, and elsewhere. */
export interface Hints {
  onHint(listener: (hint: StoreHint) => void): () => void
  /** Tells everybody, and other replicas too. */
  tell(hint: StoreHint): void
  /** Tells everybody here what was told elsewhere. */
  pass(hint: StoreHint): void
}

export function createHints(tellOthers: (hint: StoreHint) => void): Hints {
  const listeners = new Set<(hint: StoreHint) => void>()

  function pass(hint: StoreHint): void {
    for (const listener of listeners) listener(hint)
  }

  return {
    onHint(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    tell(hint) {
      pass(hint)
      tellOthers(hint)
    },
    pass,
  }
}

/** Questions that come while one is being answered share its answer. */
export function shareAnswer<Value>(ask: () => Promise<Value>): () => Promise<Value> {
  let running: Promise<Value> | undefined
  return () => {
    running ??= ask().finally(() => {
      running = undefined
    })
    return running
  }
}

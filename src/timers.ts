/** Calls back once, after this time; answers how to prevent it. */
export type StartTimer = (ms: number, ring: () => void) => () => void

/** The platform's. Keeps no process alive. */
export const startPlatformTimer: StartTimer = (ms, ring) => {
  const timer = setTimeout(ring, ms).unref()
  return () => clearTimeout(timer)
}

/** What `work` comes to, or undefined when it takes longer; what comes of it later is of no interest. */
export function within<Value>(limitMs: number, work: Promise<Value>): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, limitMs, undefined)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

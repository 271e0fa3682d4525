import { ReceiverError } from '../errors.ts'

const AGAIN_MS = 1_000

/**
 * Does what needs the store. `isPatient`: a store that is away does not fail it; it is tried again
 * until it is done. `firstTry` resolves once the first try is over.
 */
export function keepTrying(
  work: () => Promise<void>,
  { isPatient }: { isPatient: boolean },
): { readonly firstTry: Promise<void>; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined
  let hasStopped = false
  let trying: Promise<void> = Promise.resolve()

  async function attempt(): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!isPatient || !isAway(error)) throw error
      if (!hasStopped) timer = setTimeout(again, AGAIN_MS)
    }
  }

  function again(): void {
    // Whatever else it is now, it has nobody left to tell: the store says it to those who use it.
    trying = attempt().catch(() => {})
  }

  const firstTry = attempt()
  return {
    firstTry,
    async stop() {
      hasStopped = true
      clearTimeout(timer)
      await Promise.allSettled([firstTry, trying])
    },
  }
}

function isAway(error: unknown): boolean {
  return error instanceof ReceiverError && error.code === 'store_busy'
}

import { ReceiverError } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'

const AGAIN_MS = 1_000

/**
 * Does what needs the store. `isPatient`: a store that is away does not fail the first try. Whoever
 * waited for that one goes on without the work then, so it is tried again until it is done,
 * whatever hinders it meanwhile. `firstTry` resolves once the first try is over.
 */
export function keepTrying(
  work: () => Promise<void>,
  {
    isPatient,
    observer,
  }: { isPatient: boolean; observer: Pick<Observer, 'storeFailed' | 'storeRecovered'> },
): { readonly firstTry: Promise<void>; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined
  let hasStopped = false
  let toldCode: string | undefined

  async function tryFirst(): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!isPatient || !isAway(error)) throw error
      postpone(error)
    }
  }

  async function tryAgain(): Promise<void> {
    try {
      await work()
      observer.storeRecovered()
    } catch (error) {
      postpone(error)
    }
  }

  function postpone(error: unknown): void {
    if (hasStopped) return
    const code = error instanceof ReceiverError ? error.code : 'unknown'
    const detail = error instanceof Error ? error.message : String(error)
    if (code !== toldCode) observer.storeFailed({ code, detail })
    toldCode = code
    timer = setTimeout(() => {
      trying = tryAgain()
    }, AGAIN_MS)
  }

  const firstTry = tryFirst()
  let trying: Promise<void> = firstTry
  return {
    firstTry,
    async stop() {
      hasStopped = true
      clearTimeout(timer)
      await Promise.allSettled([trying])
    },
  }
}

function isAway(error: unknown): boolean {
  return error instanceof ReceiverError && error.code === 'store_busy'
}

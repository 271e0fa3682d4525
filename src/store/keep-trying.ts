import { ReceiverError } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'

const AGAIN_MS = 1_000

export interface KeptTrying {
  /** Resolves once the first try is over. */
  readonly firstTry: Promise<void>
  /** There is more to do. */
  again(): void
  /** What is under way may still end. */
  stop(): void
}

/**
 * Does what needs the store. `isPatient`: a store that is away does not fail the first try. Whoever
 * waited for that one goes on without the work then, so it is tried again until it is done,
 * whatever hinders it meanwhile.
 */
export function keepTrying(
  work: () => Promise<void>,
  {
    isPatient,
    observer,
  }: { isPatient: boolean; observer: Pick<Observer, 'storeFailed' | 'storeRecovered'> },
): KeptTrying {
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
    clearTimeout(timer)
    if (hasStopped) return
    try {
      await work()
      if (toldCode !== undefined) observer.storeRecovered()
      toldCode = undefined
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
    timer = setTimeout(again, AGAIN_MS)
  }

  /** One after the other. */
  function again(): void {
    trying = trying.then(tryAgain)
  }

  const firstTry = tryFirst()
  let trying = firstTry.catch(() => {})
  return {
    firstTry,
    again,
    stop() {
      hasStopped = true
      clearTimeout(timer)
    },
  }
}

function isAway(error: unknown): boolean {
  return error instanceof ReceiverError && error.code === 'store_busy'
}

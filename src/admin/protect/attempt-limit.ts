import { isIPv6 } from 'node:net'
import { cleanAddress } from '../../address.ts'

const MAX_FAILURES = 10
const WINDOW_MS = 60_000
const MAX_ADDRESSES = 10_000

/**
 * Ten wrong passwords in a minute, then the address waits for the minute's end. A right password
 * does not reset the count: somebody else's open page would, every two seconds. `elapsedMs` only goes
 * forward: a clock that is set back by a day would have everybody behind a proxy wait for a day.
 */
export function createAttemptLimit(elapsedMs: () => number) {
  const windows = new Map<string, { failures: number; endsMs: number }>()

  const current = (key: string) => {
    const window = windows.get(key)
    if (window === undefined || window.endsMs > elapsedMs()) return window
    windows.delete(key)
    return undefined
  }

  return {
    /** Whole seconds until this address may try again; 0 when it may now. */
    waitSeconds(address: string): number {
      const window = current(keyOf(address))
      if (window === undefined || window.failures < MAX_FAILURES) return 0
      return Math.ceil((window.endsMs - elapsedMs()) / 1_000)
    },
    countFailure(address: string): void {
      const key = keyOf(address)
      const window = current(key) ?? { failures: 0, endsMs: elapsedMs() + WINDOW_MS }
      window.failures += 1
      windows.set(key, window)
      if (windows.size > MAX_ADDRESSES) dropOldest(windows)
    },
  }
}

function dropOldest(windows: Map<string, unknown>): void {
  const [oldest] = windows.keys()
  if (oldest !== undefined) windows.delete(oldest)
}

/**
 * One caller commonly owns a whole IPv6 /64, so that is what counts as an address. A proxy may say
 * anything; all that is no address counts as one.
 */
function keyOf(address: string): string {
  const plain = cleanAddress(address) ?? ''
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('::')
  const left = head.split(':').filter(Boolean)
  const right = tail?.split(':').filter(Boolean) ?? []
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  return [...left, ...zeros, ...right].slice(0, 4).join(':')
}

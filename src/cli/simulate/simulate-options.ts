import { InvalidArgumentError } from 'commander'
import { readDuration } from '../../config/quantities.ts'
import { FAULT_NAMES, type FaultName, type Faults } from '../../simulator/sending/faults.ts'
import type { RetryProfile } from '../../simulator/sending/sending-policy.ts'

/** The options of `simulate`, as its command line names them. */
export interface SimulateOptions {
  readonly host: string
  readonly port: number
  readonly speed: number
  readonly events?: number
  /** Milliseconds. */
  readonly over: number
  readonly seed?: number
  readonly faults: Faults
  readonly retries: RetryProfile
  readonly whenPaused: 'keep' | 'drop'
  /** Seconds. */
  readonly timeout: number
  readonly account?: string
  readonly state?: string
  readonly json?: boolean
}

const MAX_SPEED = 1_000_000

export function readSpeed(text: string): number {
  const speed = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && speed <= MAX_SPEED) return speed
  throw new InvalidArgumentError('Give a number such as 60, which makes a minute of a second.')
}

export function readPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('Give a port from 0, any free one, to 65535.')
}

export function readSpan(text: string): number {
  try {
    return readDuration(text)
  } catch {
    throw new InvalidArgumentError('Give a time with its unit, such as 30s, 10m or 2h.')
  }
}

/** `duplicate=0.1,reorder=1` */
export function readFaults(text: string): Faults {
  const faults = text.split(',').map((part): [FaultName, number] => {
    const [name = '', share = '1'] = part.trim().split('=')
    const known = FAULT_NAMES.find((one) => one === name)
    const figure = Number(share)
    if (known !== undefined && share !== '' && figure >= 0 && figure <= 1) return [known, figure]
    throw new InvalidArgumentError(
      `Give name=share, the share from 0 to 1; names are ${FAULT_NAMES.join(', ')}.`,
    )
  })
  return Object.fromEntries(faults)
}

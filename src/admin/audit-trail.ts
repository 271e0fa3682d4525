import { randomBytes, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { coarseAddress } from '../address.ts'
import type { Observer } from '../observe/observer.ts'
import type { AuditEntry, Store } from '../store/store.ts'
import { dropUndefined } from './answer-parts.ts'

type Counts = AuditEntry['counts']

/** What is done, by whom and with what. */
export interface AuditedWork {
  readonly action: AuditEntry['action']
  /** Of the client; only its network is kept. */
  readonly address: string
  readonly parameters: Readonly<Record<string, string | number | boolean | undefined>>
}

export type AuditTrail = ReturnType<typeof createAuditTrail>

/** Nothing of what is audited begins without its entry. */
export function createAuditTrail(
  store: Pick<Store, 'recordAudit'>,
  observer: Pick<Observer, 'adminFailed'>,
) {
  /** Runs the work between its two entries; `countsOf` tells what it came to. */
  return async function keep<Result>(
    { action, address, parameters }: AuditedWork,
    work: () => Promise<Result>,
    countsOf: (result: Result) => Counts,
  ): Promise<Result> {
    const network = coarseAddress(address) ?? 'local'
    const entry = {
      action,
      network,
      parameters: dropUndefined(parameters) as AuditEntry['parameters'],
    }
    await store.recordAudit({ ...entry, outcome: 'begun', counts: {} })
    let result: Result
    try {
      result = await work()
    } catch (error) {
      await store.recordAudit({ ...entry, outcome: 'failed', counts: {} }).catch(() => {})
      throw error
    }
    // The work is done: told of an error, the person would have it done again.
    await store
      .recordAudit({ ...entry, outcome: 'done', counts: countsOf(result) })
      .catch((error: unknown) => observer.adminFailed({ route: `audit of ${action}`, error }))
    return result
  }
}

/** Settings were read again; `problems` of them were not taken. */
export async function auditReload(
  store: Pick<Store, 'recordAudit'>,
  problems: number,
): Promise<void> {
  const entry = { action: 'reload', outcome: 'done', network: 'local' } as const
  await store.recordAudit({ ...entry, parameters: {}, counts: { problems } })
}

/** What holds an address, as it is or as it stands in a link, and what stands for one. */
const OF_PEOPLE = /\S*(?:@|%40|hashed:)\S*/gi

/** A text that somebody wrote, without what could name a person: nothing is ever taken from the trail. */
export const withoutPeople = (text: string): string => text.replace(OF_PEOPLE, '…')

const SALT_BYTES = 16
const HASH_BYTES = 32

/**
 * An address as the trail keeps it: whoever knows the address can check that it was erased, and
 * guessing takes a tenth of a second for each guess.
 */
export async function hashRecipient(recipient: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await promisify<string, Buffer, number, Buffer>(scrypt)(
    recipient.toLowerCase(),
    salt,
    HASH_BYTES,
  )
  return `scrypt:${salt.toString('base64url')}:${hash.toString('base64url')}`
}

import { hash } from 'node:crypto'
import type { ProviderName } from '../model.ts'
import type { Provider } from '../providers/provider.ts'
import { writeUuid } from '../uuid.ts'

export const KEY_BYTES = 16

/**
 * Writes the key of an event that its provider identifies: the same from every source of that
 * provider. The UUIDs of one provider are keys as they are; of the others they are hashed like any
 * other id. Answers whether the key is the id.
 */
export function writeIdentityKey(
  { name, hasUuidKeys }: Pick<Provider, 'name' | 'hasUuidKeys'>,
  identity: string,
  into: Uint8Array,
  at: number,
): boolean {
  if (hasUuidKeys && writeUuid(identity, into, at)) return true
  // As JSON, which keeps halves of surrogate pairs apart; an encoder makes all of them the same.
  into.set(hashKey(`${name}\0${JSON.stringify(identity)}`), at)
  return false
}

/** Gives keys to the events of one batch that have nothing but their content. */
export type ContentKeys = (contentHash: string) => Uint8Array

/**
 * Identical events of a batch are told apart by their ordinal, so that the same batch sent again
 * gets the same keys. Ask for every such event from the first piece on, also when resuming.
 */
export function createContentKeys(provider: ProviderName, source: string): ContentKeys {
  const counts = new Map<string, number>()
  return (contentHash) => {
    const ordinal = counts.get(contentHash) ?? 0
    counts.set(contentHash, ordinal + 1)
    return hashKey(`${provider}\0\0${source}\0${contentHash}\0${ordinal}`)
  }
}

/** Key of an event whose id is known with other content: the same whenever it comes again. */
export function keyOfConflict(key: Uint8Array, contentHash: string): Uint8Array {
  return hashKey(`conflict\0${Buffer.from(key).toString('hex')}\0${contentHash}`)
}

/** Keys under which an event with this id may be stored, by these providers. */
export function keysOfEventId(
  providers: Readonly<Record<ProviderName, Provider>>,
  eventId: string,
): readonly Uint8Array[] {
  return Object.values(providers).map((provider) => {
    const key = new Uint8Array(KEY_BYTES)
    writeIdentityKey(provider, eventId, key, 0)
    return key
  })
}

function hashKey(text: string): Uint8Array {
  return hash('sha256', text, 'buffer').subarray(0, KEY_BYTES)
}

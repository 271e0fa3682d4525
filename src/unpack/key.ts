import { hash } from 'node:crypto'
import type { ProviderName } from '../model.ts'

const KEY_CHARACTERS = 22
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Key of an event that its provider identifies: the same from every source of that provider. */
export function keyOfIdentity(provider: ProviderName, identity: string): string {
  return makeKey(`${provider}\0${identity}`)
}

/** Gives keys to the events of one batch that have nothing but their content. */
export type ContentKeys = (contentHash: string) => string

/**
 * Identical events of a batch are told apart by their ordinal, so that the same batch sent again
 * gets the same keys. Ask for every such event from the first piece on, also when resuming.
 */
export function createContentKeys(provider: ProviderName, source: string): ContentKeys {
  const counts = new Map<string, number>()
  return (contentHash) => {
    const ordinal = counts.get(contentHash) ?? 0
    counts.set(contentHash, ordinal + 1)
    return makeKey(`${provider}\0\0${source}\0${contentHash}\0${ordinal}`)
  }
}

/** 22 characters of base64url hold 132 bits; the last 4 are cleared, so that it is 16 bytes. */
function makeKey(text: string): string {
  const digest = hash('sha256', text, 'base64url')
  const last = BASE64URL.indexOf(digest.charAt(KEY_CHARACTERS - 1)) & 0b110000
  return digest.slice(0, KEY_CHARACTERS - 1) + BASE64URL.charAt(last)
}

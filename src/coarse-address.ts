import { isIP } from 'node:net'
import { cleanAddress } from './clean-address.ts'

/** The block an address lies in, which names no single person: /24, or /48 for IPv6. */
export function coarseAddress(address: string): string | undefined {
  const plain = cleanAddress(address)
  if (plain === undefined) return undefined
  if (isIP(plain) === 4) return plain.replace(/\.\d+$/, '.0/24')
  const groups = plain.split('::')[0]?.split(':').slice(0, 3).join(':')
  return `${groups}::/48`
}

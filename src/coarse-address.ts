import { isIP } from 'node:net'

/** The block an address lies in, which names no single person: /24, or /48 for IPv6. */
export function coarseAddress(address: string): string | undefined {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (isIP(plain) === 4) return plain.replace(/\.\d+$/, '.0/24')
  if (isIP(plain) !== 6) return undefined
  const groups = plain.split('::')[0]?.split(':').slice(0, 3).join(':')
  return `${groups}::/48`
}

import { isIP } from 'node:net'
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js'

/** The first address of a block, and how many bits all of the block share with it. */
type Block = [network: IPv4 | IPv6, bits: number]

/**
 * The IP address in what a socket or a trusted proxy says: without brackets, port, zone and the
 * `::ffff:` of an IPv4 address. Undefined when it is no address. Node decides that: ipaddr.js also
 * takes `010.1`, which different programs read differently.
 */
function readAddress(text: string | undefined): IPv4 | IPv6 | undefined {
  const bare = withoutPort(text?.trim() ?? '').replace(/%.*$/, '')
  return isIP(bare) === 0 ? undefined : ipaddr.process(bare)
}

function withoutPort(text: string): string {
  if (text.startsWith('[')) return /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text
  return /^[\d.]+:\d{1,5}$/.test(text) ? text.slice(0, text.indexOf(':')) : text
}

/** The same as text, each address in one spelling. */
export function cleanAddress(text: string | undefined): string | undefined {
  return readAddress(text)?.toString()
}

/** The block an address lies in, which names no single person: /24, or /48 for IPv6. */
export function coarseAddress(text: string): string | undefined {
  const bytes = readAddress(text)?.toByteArray()
  if (bytes === undefined) return undefined
  const kept = bytes.length === 4 ? 3 : 6
  const network = ipaddr.fromByteArray(bytes.map((byte, at) => (at < kept ? byte : 0)))
  return `${network}/${kept * 8}`
}

/** True for `localhost`, `127.x.x.x` and `::1`: reachable from this machine only. */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || readAddress(host)?.range() === 'loopback'
}

/** A listener's host as it stands in a URL that this machine can open: a wildcard is no address to go to. */
export function reachableName(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

/** True for an address that only machines of the same network reach. */
export function isPrivate(text: string): boolean {
  const range = readAddress(text)?.range() ?? ''
  return ['private', 'carrierGradeNat', 'linkLocal', 'uniqueLocal'].includes(range)
}

/**
 * Makes the check whether an address lies in one of these CIDR blocks and single addresses. Throws
 * on an entry that is neither.
 */
export function matchBlocks(entries: readonly string[]): (text: string | undefined) => boolean {
  const blocks = entries.map(readBlock)
  return (text) => {
    const address = readAddress(text)
    return address !== undefined && blocks.some((block) => isWithin(address, block))
  }
}

/** Node decides here too what is an address: ipaddr.js takes `10.0.0/8` for `10.0.0.0/8`. */
function readBlock(entry: string): Block {
  const [first = ''] = entry.split('/')
  if (isIP(first) === 0) throw new TypeError(`${entry} is no CIDR block and no address.`)
  if (entry.includes('/')) return ipaddr.parseCIDR(entry)
  const address = ipaddr.parse(entry)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

function isWithin(address: IPv4 | IPv6, [network, bits]: Block): boolean {
  return address.kind() === network.kind() && address.match(network, bits)
}

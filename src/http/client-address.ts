import { BlockList, isIP } from 'node:net'

/** Says whether a request may come from this address: what a socket or a trusted proxy says. */
export type AddressCheck = (text: string | undefined) => boolean

/**
 * The bare IP address in what a socket or a trusted proxy says: without brackets, port, zone and
 * the `::ffff:` of an IPv4 address. Undefined when it is no address.
 */
export function cleanAddress(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const bare = withoutPort(text.trim())
    .replace(/%.*$/, '')
    .replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(bare) === 0 ? undefined : bare
}

function withoutPort(text: string): string {
  if (text.startsWith('[')) return /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text
  return /^[\d.]+:\d{1,5}$/.test(text) ? text.slice(0, text.indexOf(':')) : text
}

/**
 * Compiles a list of CIDR blocks and single addresses. An empty list lets everybody in; otherwise
 * what is no address stays out. Throws on an entry that is neither.
 */
export function compileAllowList(blocks: readonly string[]): AddressCheck {
  if (blocks.length === 0) return () => true
  const allowed = new BlockList()
  for (const block of blocks) addBlock(allowed, block)
  return (text) => {
    const address = cleanAddress(text)
    return address !== undefined && allowed.check(address, familyOf(address))
  }
}

function addBlock(allowed: BlockList, block: string): void {
  const [network = '', prefix] = block.split('/')
  if (prefix === undefined) allowed.addAddress(network, familyOf(network))
  else allowed.addSubnet(network, Number(prefix), familyOf(network))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}

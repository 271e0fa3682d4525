import { BlockList, isIP } from 'node:net'
import { cleanAddress } from '../clean-address.ts'

/** Says whether a request may come from this address: what a socket or a trusted proxy says. */
export type AddressCheck = (text: string | undefined) => boolean

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

import { isIP } from 'node:net'
import { PROVIDERS } from '../providers/providers.ts'
import { quote, WrongValue } from './wrong-value.ts'

/** `10.0.0.0/8, 2001:db8::1, mailtrap` → CIDR blocks, each once; a lone address becomes a block. */
export function readAllowedBlocks(text: string): string[] {
  const blocks = text
    .split(',')
    .map((part) => part.trim())
    .flatMap((part) => publishedBlocks(part) ?? [readBlock(part)])
  return [...new Set(blocks)]
}

/**
 * CIDR blocks of load balancers. Whoever stands there may name the sender's address, so a block
 * of every address is refused: the sender himself would choose it.
 */
export function readTrustedBlocks(text: string): string[] {
  if (/^(true|false|yes|no|on|off|\d+)$/i.test(text.trim())) {
    throw new WrongValue(
      `is ${quote(text)}; a switch or a number of hops lets the sender choose his address`,
      'Give the addresses of your load balancers, such as 10.0.0.0/8.',
    )
  }
  const blocks = [...new Set(text.split(',').map((part) => readBlock(part.trim())))]
  const open = blocks.find((block) => block.endsWith('/0'))
  if (open === undefined) return blocks
  throw new WrongValue(
    `holds ${open}, which trusts every address`,
    'Give only the addresses of your load balancers, such as 10.0.0.0/8.',
  )
}

/** An address or a host name to listen on. */
export function readHost(text: string): string {
  const host = text.trim().replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) || /^(?=.*[a-z])[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host)) return host
  throw new WrongValue(
    `is ${quote(text)}, which is no address`,
    'Give an address of this machine, such as 0.0.0.0 for all or 127.0.0.1.',
  )
}

/** A provider's name stands for the blocks that it publishes. */
function publishedBlocks(word: string): readonly string[] | undefined {
  const provider = Object.values(PROVIDERS).find(({ name }) => name === word)
  return provider && provider.addresses.length > 0 ? provider.addresses : undefined
}

function readBlock(text: string): string {
  const [address = '', bits, ...rest] = text.split('/')
  const family = address.includes('%') ? 0 : isIP(address)
  const most = family === 4 ? 32 : 128
  const prefix = bits ?? String(most)
  if (!family || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > most) {
    throw new WrongValue(
      `holds ${quote(text)}, which is no address block`,
      'Give addresses or CIDR blocks separated by commas, such as 10.0.0.0/8.',
    )
  }
  return `${address}/${prefix}`
}

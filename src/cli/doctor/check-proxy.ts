import { cleanAddress } from '../../clean-address.ts'
import type { Source } from '../../model.ts'
import type { Exchange } from './exchange.ts'
import { type Finding, findingsOf } from './finding.ts'
import { readSeen } from './read-seen.ts'

/** An address that nobody has, claimed by us: no receiver may believe it. */
export const CLAIMED_ADDRESS = '192.0.2.77'

const proxy = findingsOf('proxy headers')

/**
 * Whether the receiver knows who sends. `answer` is that of a batch which claimed, by
 * `X-Forwarded-For`, to come from `CLAIMED_ADDRESS`; `ownAddresses` are those of this machine.
 */
export function checkProxy(
  answer: Exchange,
  source: Source,
  ownAddresses: readonly string[],
): Finding {
  const seen = readSeen(answer)
  if (seen === undefined)
    return proxy.skipped('The receiver did not say what it saw of the request')
  const { client, peer: rawPeer, forwardedFor = '', isProxyTrusted } = seen
  const peer = cleanAddress(rawPeer) ?? 'unknown'
  const hops = forwardedFor.split(',').map((hop) => cleanAddress(hop))
  const added = hops.filter((hop) => hop !== undefined && hop !== CLAIMED_ADDRESS)
  if (client === CLAIMED_ADDRESS && ownAddresses.includes(added[0] ?? peer)) {
    return proxy.skipped('This machine is itself among TRUST_PROXY: run this from another one')
  }
  if (client === CLAIMED_ADDRESS) {
    return proxy.failed(
      'The receiver believes whatever address a sender claims in X-Forwarded-For: ALLOW_IPS is worth nothing.',
      'Set TRUST_PROXY to the addresses of your load balancers only, and let them replace or extend the header.',
    )
  }
  if (added.length > 0 && client === peer) {
    const detail = `A load balancer at ${peer} forwards requests, and the receiver takes it for the sender.`
    const remedy = `Add its addresses to TRUST_PROXY, such as ${peer}.`
    return source.allowIps.length > 0 ? proxy.failed(detail, remedy) : proxy.warning(detail, remedy)
  }
  if (added.length === 0 && isProxyTrusted) {
    return proxy.warning(
      `TRUST_PROXY is set, but the request came from ${peer} without an address added to X-Forwarded-For.`,
      'Let the load balancer add the sender’s address to X-Forwarded-For, or remove TRUST_PROXY.',
    )
  }
  return proxy.ok(`The receiver takes this machine for ${client}`)
}

import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

const HOST = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[a-z0-9.-]+))(?::\d{1,5})?$/i
const FORWARDING_HEADERS = ['forwarded', 'x-forwarded-for', 'x-real-ip'] as const

/**
 * True when the peer is this machine and the Host header names this machine. The second part stops
 * DNS rebinding: a stranger's page whose own name suddenly points at 127.0.0.1. A proxy on this
 * machine would make the whole world look local, so what it forwards is not local.
 */
export function isFromThisMachine(peer: string, headers: IncomingHttpHeaders): boolean {
  const isForwarded = FORWARDING_HEADERS.some((name) => headers[name] !== undefined)
  return !isForwarded && isLoopbackAddress(peer) && isLoopbackHost(headers.host)
}

function isLoopbackHost(host: string | undefined): boolean {
  const { v6, name } = HOST.exec(host ?? '')?.groups ?? {}
  if (name?.toLowerCase() === 'localhost') return true
  return isLoopbackAddress(v6 ?? name ?? '')
}

function isLoopbackAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  const family = isIP(plain)
  return family !== 0 && LOOPBACK.check(plain, family === 6 ? 'ipv6' : 'ipv4')
}

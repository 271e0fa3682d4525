import { lookup } from 'node:dns/promises'
import { BlockList, connect, isIP } from 'node:net'
import { isLoopback } from '../../config/addresses.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Patient } from './patient.ts'

const PRIVATE = new BlockList()
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv4')
}
PRIVATE.addSubnet('fc00::', 7, 'ipv6')
PRIVATE.addSubnet('fe80::', 10, 'ipv6')

const dns = findingsOf('dns')
const port = findingsOf('port')

/** Whether the name leads to an address that the provider can reach. */
export async function checkDns({ base }: Pick<Patient, 'base'>): Promise<Finding> {
  const host = bareHost(base)
  const addresses = await lookup(host, { all: true }).catch((error: NodeJS.ErrnoException) => error)
  if (addresses instanceof Error) {
    return dns.failed(
      `The name ${host} leads to no address (${addresses.code}).`,
      'Add an A or AAAA record for it, or correct the URL; a new record may take until its time to live.',
    )
  }
  const list = [...new Set(addresses.map(({ address }) => address))]
  const hidden = list.find((address) => isHidden(address))
  const told = isIP(host) ? host : `${host} is ${list.join(', ')}`
  if (hidden === undefined) return dns.ok(told)
  const reach = isLoopback(hidden) ? 'only this machine' : 'only your own network'
  return dns.warning(
    `${told}, which ${reach} can reach.`,
    'The provider needs a public address. Ask from outside if your own name server answers differently.',
  )
}

/** Whether somebody listens, on a port that the provider calls. */
export async function checkPort({ base, timeoutMs }: Patient): Promise<Finding> {
  const host = bareHost(base)
  const number = portOf(base)
  const code = await tryConnection(host, number, timeoutMs)
  if (code !== undefined) {
    return port.failed(
      `Nobody answers on port ${number} (${code}).`,
      code === 'timeout'
        ? 'A firewall or security group drops the connection: open the port to the provider.'
        : 'Start the receiver or its load balancer there, or correct the URL.',
    )
  }
  if (number !== (base.protocol === 'https:' ? 443 : 80)) {
    return port.warning(
      `It answers on port ${number}, which the provider never calls.`,
      'Put it behind https on port 443, or http on port 80.',
    )
  }
  if (base.protocol === 'https:') return port.ok('Port 443 answers')
  return port.warning(
    'Port 80 answers: events travel readable for everybody on the way.',
    'Use https on port 443.',
  )
}

/** Undefined: a connection was made. */
function tryConnection(
  host: string,
  number: number,
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: number, timeout: timeoutMs })
    const end = (code?: string) => {
      socket.destroy()
      resolve(code)
    }
    socket.on('connect', () => end())
    socket.on('timeout', () => end('timeout'))
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'unknown error'))
  })
}

function isHidden(address: string): boolean {
  return isLoopback(address) || PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Without the brackets of an IPv6 address. */
export function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

export function portOf({ port: given, protocol }: URL): number {
  if (given !== '') return Number(given)
  return protocol === 'https:' ? 443 : 80
}

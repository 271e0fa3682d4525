import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { connect, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { isLoopback, isPrivate } from '../../address.ts'
import { type CheckContext, type Finding, failed, ok, skipped, warning } from './check-context.ts'

/** Whether the name leads to an address that the provider can reach. */
export async function checkDns({ base }: CheckContext): Promise<Finding> {
  const host = bareHost(base)
  const addresses = await lookup(host, { all: true }).catch((error: NodeJS.ErrnoException) => error)
  if (addresses instanceof Error) {
    return failed(
      `The name ${host} leads to no address (${addresses.code}).`,
      'Add an A or AAAA record for it, or correct the URL; a new record may take until its time to live.',
    )
  }
  const list = [...new Set(addresses.map(({ address }) => address))]
  const hidden = list.find((address) => isLoopback(address) || isPrivate(address))
  const told = isIP(host) ? host : `${host} is ${list.join(', ')}`
  if (hidden === undefined) return ok(told)
  const reach = isLoopback(hidden) ? 'only this machine' : 'only your own network'
  return warning(
    `${told}, which ${reach} can reach.`,
    'The provider needs a public address. Ask from outside if your own name server answers differently.',
  )
}

/** Whether somebody listens, on a port that the provider calls. */
export async function checkPort({ base, timeoutMs }: CheckContext): Promise<Finding> {
  const host = bareHost(base)
  const number = portOf(base)
  const code = await tryConnection(host, number, timeoutMs)
  if (code !== undefined) {
    return failed(
      `Nobody answers on port ${number} (${code}).`,
      code === 'timeout'
        ? 'A firewall or security group drops the connection: open the port to the provider.'
        : 'Start the receiver or its load balancer there, or correct the URL.',
    )
  }
  if (number !== (base.protocol === 'https:' ? 443 : 80)) {
    return warning(
      `It answers on port ${number}, which the provider never calls.`,
      'Put it behind https on port 443, or http on port 80.',
    )
  }
  if (base.protocol === 'https:') return ok('Port 443 answers')
  return warning(
    'Port 80 answers: events travel readable for everybody on the way.',
    'Use https on port 443.',
  )
}

/** Undefined: a connection was made; else the code of what hindered it. */
async function tryConnection(
  host: string,
  port: number,
  timeoutMs: number,
): Promise<string | undefined> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) })
    return undefined
  } catch (error) {
    return codeOf(error)
  } finally {
    socket.destroy()
  }
}

/** Of OpenSSL, the system or, when nothing came in time, `timeout`. */
function codeOf(error: unknown): string {
  // The types say an error, the runtime gives the code of a certificate's fault.
  if (typeof error === 'string') return error
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ABORT_ERR' ? 'timeout' : (code ?? message)
}

/** Without the brackets of an IPv6 address. */
function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

function portOf({ port: given, protocol }: URL): number {
  if (given !== '') return Number(given)
  return protocol === 'https:' ? 443 : 80
}

const DAY_MS = 86_400_000
/** Automatic renewal comes at 30 days as a rule: at 14 it has failed for long. */
const WARN_DAYS = 14

/** What is wrong with a chain, by the code of OpenSSL, and how to mend it. */
const FAULTS: Readonly<Record<string, readonly [detail: string, remedy: string]>> = {
  CERT_HAS_EXPIRED: [
    'It, or one above it, has expired.',
    'Renew it, and find out why that did not happen by itself.',
  ],
  CERT_NOT_YET_VALID: [
    'It is not valid yet.',
    'Check the clocks of the issuer and of this machine.',
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    'The intermediate certificate is missing: browsers know it, the provider does not.',
    'Serve the whole chain (fullchain.pem, not cert.pem).',
  ],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    'Its issuer is not known: the chain is incomplete, or from a private authority.',
    'Serve the whole chain of a public authority, such as Let’s Encrypt.',
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    'It is self-signed.',
    'Get one of a public authority, such as Let’s Encrypt.',
  ],
  SELF_SIGNED_CERT_IN_CHAIN: [
    'Its chain ends in an authority of your own.',
    'Get one of a public authority, such as Let’s Encrypt.',
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'It is for another name.',
    'Get one for the name in the URL, and see that the balancer serves it for that name.',
  ],
}

/** Validity, name, chain and days left. */
export async function checkCertificate(patient: CheckContext): Promise<Finding> {
  if (patient.base.protocol !== 'https:') return skipped('The URL is plain http')
  const seen = await shakeHands(patient)
  if (typeof seen === 'string') {
    return failed(
      `No TLS connection comes about (${seen}).`,
      'Look at the TLS settings of the balancer: it must speak TLS 1.2 or 1.3 for this name.',
    )
  }
  const { fault, validTo } = seen
  const daysLeft = Math.floor((validTo - patient.now()) / DAY_MS)
  const until = new Date(validTo).toISOString().slice(0, 10)
  if (fault !== undefined) {
    const [detail, remedy] = FAULTS[fault] ?? [
      `It cannot be trusted (${fault}).`,
      'Serve the whole chain of a public authority.',
    ]
    return failed(`${detail} Valid until ${until}.`, remedy)
  }
  if (daysLeft < WARN_DAYS) {
    return warning(
      `It is valid until ${until}: ${daysLeft} days left.`,
      'Renew it now, and find out why that did not happen by itself.',
    )
  }
  return ok(`Right name, whole chain, valid until ${until}: ${daysLeft} days left`)
}

/** What is wrong with the certificate and when it ends, or why none is seen. */
async function shakeHands({ base, timeoutMs, ca }: CheckContext) {
  const host = bareHost(base)
  const socket = connectTls({
    host,
    port: portOf(base),
    ...(isIP(host) ? {} : { servername: host }),
    ...(ca && { ca: [...ca] }),
    // A bad one is to be described, not only refused. Nothing is sent over this connection.
    rejectUnauthorized: false,
  })
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(timeoutMs) })
    const fault = socket.authorized ? undefined : codeOf(socket.authorizationError)
    return { fault, validTo: Date.parse(socket.getPeerCertificate().valid_to) }
  } catch (error) {
    return codeOf(error)
  } finally {
    socket.destroy()
  }
}

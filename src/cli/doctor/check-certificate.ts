import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { bareHost, portOf } from './check-address.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Patient } from './patient.ts'

const DAY_MS = 86_400_000
/** Automatic renewal comes at 30 days as a rule: at 14 it has failed for long. */
const WARN_DAYS = 14

const certificate = findingsOf('certificate')

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
export async function checkCertificate(patient: Patient): Promise<Finding> {
  if (patient.base.protocol !== 'https:') return certificate.skipped('The URL is plain http')
  const seen = await shakeHands(patient)
  if (typeof seen === 'string') {
    return certificate.failed(
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
    return certificate.failed(`${detail} Valid until ${until}.`, remedy)
  }
  if (daysLeft < WARN_DAYS) {
    return certificate.warning(
      `It is valid until ${until}: ${daysLeft} days left.`,
      'Renew it now, and find out why that did not happen by itself.',
    )
  }
  return certificate.ok(`Right name, whole chain, valid until ${until}: ${daysLeft} days left`)
}

interface SeenCertificate {
  readonly fault: string | undefined
  /** Milliseconds since 1970. */
  readonly validTo: number
}

/** What is seen of the certificate, or why there is none. */
function shakeHands({ base, timeoutMs, ca }: Patient): Promise<SeenCertificate | string> {
  const host = bareHost(base)
  const name = isIP(host) ? {} : { servername: host }
  const trust = ca === undefined ? {} : { ca: [...ca] }
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({
      host,
      port: portOf(base),
      ...name,
      ...trust,
      // A bad one is to be described, not only refused. Nothing is sent over this connection.
      rejectUnauthorized: false,
      timeout: timeoutMs,
    })
    const end = (result: SeenCertificate | string) => {
      socket.destroy()
      resolve(result)
    }
    socket.on('secureConnect', () =>
      end({
        fault: socket.authorized ? undefined : codeOf(socket.authorizationError),
        validTo: Date.parse(socket.getPeerCertificate().valid_to),
      }),
    )
    socket.on('timeout', () => end('timeout'))
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
  })
}

/** The types say an error, the runtime gives its code. */
function codeOf(error: unknown): string {
  return typeof error === 'string' ? error : String((error as NodeJS.ErrnoException | null)?.code)
}

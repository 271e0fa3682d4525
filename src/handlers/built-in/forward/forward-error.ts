/** Its text says all there is to say: where in our code it was made helps nobody. */
export class ForwardError extends Error {
  constructor(text: string) {
    super(text)
    this.name = 'ForwardError'
    this.stack = ''
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed before an answer came',
  EPIPE: 'the connection was closed before an answer came',
  ETIMEDOUT: 'no connection came about in time',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'no way leads there',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'names cannot be resolved now',
  EPROTO: 'it does not speak TLS',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ABORT_ERR: 'the attempt was broken off',
}
const UNKNOWN_AUTHORITY = /SELF_SIGNED|UNABLE_TO|ISSUER/

/** Why no answer came. The error's own text may hold what is secret of the address. */
export function describeFault(
  label: string,
  { code = 'unknown error' }: NodeJS.ErrnoException,
): string {
  const meaning = UNKNOWN_AUTHORITY.test(code)
    ? 'no authority that is known here has signed its certificate: give its own with ca'
    : (MEANINGS[code] ?? (code.startsWith('HPE_') ? 'it does not speak HTTP' : undefined))
  return `${label} did not answer: ${meaning === undefined ? code : `${meaning} (${code})`}.`
}

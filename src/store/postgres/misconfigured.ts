import { sqlState } from './driver.ts'

/** Wrong user or password, no such database, a missing right. */
const REFUSED_BY_SERVER = /^(28|3D000|42501)/

const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/**
 * Why a connection can only be had by another STORE_URL, another password or another right: what an
 * operator has to mend. Undefined for what may pass by itself.
 */
export function describeMisconfiguration(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { message } = error
  if (REFUSED_BY_SERVER.test(sqlState(error) ?? '')) return message
  const code = String((error as { code?: unknown }).code)
  if (UNTRUSTED.has(code)) {
    return `the certificate of PostgreSQL is not trusted (${message}). Name that of its authority with sslrootcert=<file>.`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `the certificate of PostgreSQL is for another host (${message}). Use a name that it holds, or sslmode=verify-ca.`
  }
  if (message === 'The server does not support SSL connections') {
    return 'PostgreSQL offers no TLS here. Turn it on there, or give sslmode=disable where the way to it is safe.'
  }
  return undefined
}

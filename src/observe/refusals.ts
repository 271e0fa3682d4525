/** Why a request was refused; the client is told less. */
export const REFUSAL_REASONS = [
  'unknown_source',
  'wrong_method',
  'address',
  'address_genuine',
  'basic_auth',
  'token',
  'signature_shape',
  'signature',
  'signature_time',
  'signature_milliseconds',
  'empty_body',
  'too_large',
  'too_slow',
  'aborted',
  'malformed',
  'proxy_protocol',
  'not_tls',
  'overloaded',
  'store',
  'internal',
] as const
export type RefusalReason = (typeof REFUSAL_REASONS)[number]

/** What an operator should look at, of refusals that are hardly ever a stranger's fault. */
export const REFUSAL_HINTS: Partial<Record<RefusalReason, string>> = {
  address_genuine:
    'The signature is genuine, the address is not in ALLOW_IPS. Add it; behind a load balancer let TRUST_PROXY name that.',
  signature_time:
    'The signature is genuine, its time is not. Compare the clocks; if repeated requests keep their first time, raise toleranceSeconds.',
  signature_milliseconds:
    'The signature is genuine, its time is in milliseconds, not in seconds as was inferred. Tell the makers of this receiver.',
  proxy_protocol:
    'The load balancer begins with the PROXY protocol, which is not spoken here. Turn it off there and have it send X-Forwarded-For.',
  not_tls:
    'Something speaks plain HTTP or the PROXY protocol to the port of HTTPS. Let the load balancer speak TLS, or take TLS_CERT_FILE away.',
}

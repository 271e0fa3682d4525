import type { RefusalReason } from '../../observe/observer.ts'
import type { DatedExchange } from './check-context.ts'

/** What is wrong, and how to mend it. */
type Explanation = readonly [detail: string, remedy: string]

/** By the receiver's own reason for a 401. */
const REASONS: Partial<Record<RefusalReason, Explanation>> = {
  signature_shape: [
    'The signature header did not arrive, or not as it was sent.',
    'Something on the way strips, renames or doubles it: let the load balancer pass all request headers.',
  ],
  signature: [
    'The signature arrived, but does not fit the body.',
    'Is the receiver running with the secret of these settings? If so, something on the way changes the body: turn off rewriting, decompression and inspection there.',
  ],
  signature_time: [
    'The signature is genuine, but its time is too far from the receiver’s clock.',
    'Let both machines keep their time by NTP (timedatectl set-ntp true).',
  ],
  basic_auth: [
    'The Authorization header did not arrive, or the receiver has another BASIC_AUTH.',
    'Let the load balancer pass Authorization, and no login of its own stand before /webhooks/.',
  ],
  token: [
    'The query did not arrive, or the receiver has another URL_TOKEN.',
    'Let the load balancer pass the query of the URL.',
  ],
  empty_body: ['The body did not arrive.', 'Something on the way drops the bodies of requests.'],
}

const STATUSES: Readonly<Record<number, Explanation>> = {
  401: [
    'Answered 401: signature header, credentials or token did not arrive, or the secret is another.',
    'Run this where the admin listener can be reached (--admin-url), and it can say which. Check that the load balancer passes all request headers and the query.',
  ],
  403: [
    'Answered 403: this machine is not in ALLOW_IPS, or a firewall refuses the request.',
    'With ALLOW_IPS this is right. To check the rest, allow this machine for a while; behind a load balancer see that TRUST_PROXY names it.',
  ],
  404: [
    'Answered 404: there is no such source, or the path does not reach the receiver.',
    'Compare the name after /webhooks/ with the sources of the settings, and the paths that the balancer passes on.',
  ],
  405: [
    'Answered 405: something takes no POST there.',
    'Let the balancer pass POST on to the receiver.',
  ],
  408: [
    'Answered 408: the body came too slowly.',
    'Look at the connection between balancer and receiver.',
  ],
  411: ['Answered 411: something demands a length.', 'Let the balancer pass Content-Length.'],
  413: [
    'Answered 413: something on the way takes no body of that size.',
    'Raise its limit to 10 MB: client_max_body_size of nginx, the body limit of the gateway or firewall.',
  ],
  502: [
    'Answered 502: the balancer does not reach the receiver.',
    'Check the address to which it passes requests.',
  ],
  503: [
    'Answered 503: the receiver cannot store, or the balancer has none to send to.',
    'Look at the log of the receiver, and at the balancer’s health checks.',
  ],
  504: [
    'Answered 504: the receiver did not answer the balancer in time.',
    'Look at the log of the receiver.',
  ],
}

/** Why this is not the 200 that it should be; `reason` as the receiver counted it, where known. */
export function explainAnswer(answer: DatedExchange, reason?: RefusalReason): Explanation {
  const { status, headers } = answer
  if (typeof status === 'string') {
    return [
      `No answer (${status}).`,
      'See that the receiver runs and that the load balancer passes requests on to it.',
    ]
  }
  if (status >= 300 && status < 400) {
    return [
      `Answered ${status}, a redirect to ${headers.location ?? 'somewhere'}.`,
      'Only 200 counts. Enter the final address as the URL of the webhook, or turn the redirect off for it.',
    ]
  }
  const told = status === 401 && reason ? REASONS[reason] : undefined
  // The signed time is compared to the clock of the answer.
  const ahead = reason === 'signature_time' ? answer.aheadMs : undefined
  const difference = ahead === undefined ? '' : ` That is ${describeAhead(ahead)} this machine’s.`
  if (told) return [`Answered 401. ${told[0]}${difference}`, told[1]]
  const known = STATUSES[status]
  if (known) return known
  const what = status >= 200 && status < 300 ? 'but not by the receiver' : 'and only 200 counts'
  return [`Answered ${status}, ${what}.`, 'See where the URL leads: something else answers there.']
}

/** `3 s ahead of`, `3 s behind`. */
export function describeAhead(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  return `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'}`
}

/** True for the answer that the receiver gives to an authentic batch, and nobody else. */
export function isReceived(answer: DatedExchange): boolean {
  if (answer.status !== 200) return false
  try {
    return JSON.parse(answer.text).status === 'received'
  } catch {
    return false
  }
}

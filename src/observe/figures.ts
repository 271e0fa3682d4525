/** Facts counted since this process started. */
export interface ObservedCounts {
  readonly received: Readonly<Record<string, number>>
  readonly refused: Readonly<Record<RefusalReason, number>>
  readonly handlers: Readonly<Record<string, HandlerHealth>>
}

export interface HandlerHealth {
  readonly running: boolean
  readonly restarts: number
  readonly lastProblem: string | undefined
}

/** What became of the events of one type. `stored` counts the stale ones too. */
export interface TypeReceipt {
  readonly type: string
  stored: number
  duplicates: number
  conflicts: number
  stale: number
}

/** What became of a batch: of all events, of each type that it holds, of pieces. */
export interface BatchReceipt extends Readonly<Omit<TypeReceipt, 'type'>> {
  readonly quarantined: number
  readonly types: readonly Readonly<TypeReceipt>[]
}

export interface LatencyFigures {
  readonly count: number
  /** In milliseconds; undefined when nothing was measured. */
  readonly p50: number | undefined
  readonly p95: number | undefined
  readonly p99: number | undefined
  readonly max: number | undefined
}

export interface AttemptCounts {
  readonly done: number
  readonly retry: number
  readonly dead: number
}

export const RECENT_MINUTES = 60

/** What this process did in the last hour, minute by minute; the oldest minute first. */
export interface RecentFigures {
  /** When the first minute began. */
  readonly from: number
  /** Answers to authentic requests: from their first byte to the durable commit. */
  readonly ack: { readonly all: LatencyFigures; readonly minutes: readonly LatencyFigures[] }
  readonly attempts: Readonly<Record<string, readonly AttemptCounts[]>>
}

/** A webhook of the provider that leads to this receiver. */
export interface GuardedWebhook {
  readonly id: number
  readonly source: string
  readonly isPaused: boolean
  /** In what else it is not as it should be, as sentences. */
  readonly differences: readonly string[]
}

/** Something wrong between this receiver and its webhooks at the provider. */
export interface WebhookProblem {
  readonly webhook: number | undefined
  readonly source: string | undefined
  readonly text: string
}

/** From so many on somebody has to be told that the webhook will soon be paused. */
export const NEAR_PAUSE_RETRIES = 30

/** How near an outage of ours is, or was, to where the provider pauses the webhook. */
export interface OutageFigures {
  readonly beganAt: number
  readonly durationMs: number
  readonly retriesUsed: number
  readonly retriesLimit: number
}

/** What the guardian knows at this moment; times in milliseconds since 1970. */
export interface GuardianFigures {
  /** When the provider answered last; undefined: not yet. */
  readonly lookedAt: number | undefined
  readonly startedAt: number
  /** Why the last look failed. */
  readonly failure: string | undefined
  readonly webhooks: readonly GuardedWebhook[]
  readonly problems: readonly WebhookProblem[]
  /** Webhooks resumed since the start. */
  readonly resumed: number
  /** The outage that goes on. */
  readonly outage: OutageFigures | undefined
  /** The one before. */
  readonly lastOutage: OutageFigures | undefined
  /** When our token for the provider's API ends; undefined: not told, or never. */
  readonly tokenExpiresAt: number | undefined
}

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

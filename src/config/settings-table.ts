import {
  LOG_LEVELS,
  readAccountId,
  readAdminPort,
  readAllowedBlocks,
  readForwardFormat,
  readForwardUrl,
  readHost,
  readLogLevel,
  readPath,
  readPort,
  readRole,
  readSecretUrl,
  readSwitch,
  readTrustedBlocks,
  readWebUrl,
} from './plain-values.ts'
import { readDurations, sizeWithin, timeWithin } from './quantities.ts'
import {
  readApiToken,
  readBasicAuth,
  readPassword,
  readRedactKey,
  readSigningSecrets,
  readStandardSecret,
  readUrlToken,
} from './secrets.ts'
import { readStoreUrl } from './store-url.ts'

/** One setting: how its text is read, and what people are told of it. */
interface Setting<Value> {
  /** Of the text, or of none. Throws `WrongValue`. */
  readonly read: (text: string | undefined) => Value
  /** As one would write it; undefined: not set. */
  readonly default: string | undefined
  readonly meaning: string
  /** May be given as `NAME_FILE`, a path; its value is never shown. */
  readonly isSecret: boolean
}

/** Something that is set by a text, or by nothing but its default. */
function setting<Value>(
  fallback: string,
  read: (text: string) => Value,
  meaning: string,
): Setting<Value> {
  return { read: (text = fallback) => read(text), default: fallback, meaning, isSecret: false }
}

/** `shownDefault` is not read: where what stands in depends on other things. */
function optional<Value>(
  read: (text: string) => Value,
  meaning: string,
  shownDefault?: string,
): Setting<Value | undefined> {
  const readIfGiven = (text: string | undefined) => (text === undefined ? undefined : read(text))
  return { read: readIfGiven, default: shownDefault, meaning, isSecret: false }
}

function secret<Value>(read: (text: string) => Value, meaning: string, shownDefault?: string) {
  return { ...optional(read, meaning, shownDefault), isSecret: true }
}

/** One attempt of a handler: long enough to start, short enough to end. */
export const readTimeout = timeWithin('10ms', '24h')
export const readWaits = (text: string) =>
  readDurations(text, { min: '1ms', max: '7d', maxCount: 50 })
// The provider takes 150 requests in 10 s.
const readInterval = timeWithin('1s', '1h')
const readRetention = timeWithin('1m', '10000d')
// Mailtrap sends a batch again for up to a day; a key forgotten sooner lets it in twice.
const readKeyRetention = timeWithin('1d', '10000d')
// A batch of 500 events with 1,000 bytes of custom variables each has about 1.6 MB, and a 413
// makes the provider pause the webhook. 64 MB is all that bodies in flight may have together.
const readBodyLimit = sizeWithin('2MB', '64MB')
// A balancer that idles for longer than we do sends into a connection that is just being closed.
const readKeepAlive = timeWithin('1s', '1d')

/** Every setting, in the order of the documentation. */
const TABLE = {
  MAILTRAP_SIGNING_SECRET: secret(
    readSigningSecrets,
    'makes the source `mailtrap`; a comma-separated list, newest first (rotation)',
  ),
  MAILINGAPI_SIGNING_SECRET: secret(readSigningSecrets, 'makes the source `mailingapi`; likewise'),
  CONFIG_FILE: optional(
    (path) => path,
    'YAML: several sources, per-handler settings, and every setting of this table',
  ),
  HANDLERS: optional(
    (text) => text.split(',').map((path) => readPath(path.trim())),
    'comma-separated modules or folders: `.js .mjs .cjs .ts .mts .cts`',
    '`./handlers` if it exists, else the built-in `log` handler',
  ),
  FORWARD_URL: secret(
    readForwardUrl,
    'a handler without a file, `forward`: posts every event to this endpoint',
  ),
  FORWARD_SECRET: secret((text) => text.trim(), 'signs what is posted'),
  FORWARD_FORMAT: setting(
    'event',
    readForwardFormat,
    '`event`, `batch` or `mailtrap`: how it is written',
  ),
  STORE_URL: secret(
    readStoreUrl,
    'keeps everything: `sqlite:<file>`, or `postgres://…`, which several replicas may share',
    'sqlite:<DATA_DIR>/receiver.db',
  ),
  DATA_DIR: setting('./data', readPath, 'SQLite file, spool, development secret'),
  HOST: setting('0.0.0.0', readHost, 'public listener: webhooks and health only'),
  PORT: setting('3000', readPort, 'its port; 0 takes a free one'),
  ADMIN_HOST: setting('127.0.0.1', readHost, 'admin listener: dashboard, admin API, metrics'),
  ADMIN_PORT: setting('3001', readAdminPort, 'its port; `off` turns it off'),
  ADMIN_PASSWORD: secret(
    readPassword,
    'basic auth, user `admin`; required when ADMIN_HOST is not loopback',
  ),
  ROLE: setting(
    'all',
    readRole,
    '`all`, `receive` (HTTP only) or `work` (unpack and dispatch only); the latter two need PostgreSQL',
  ),
  TRUST_PROXY: optional(
    readTrustedBlocks,
    'CIDR list of the load balancers whose `X-Forwarded-For` counts',
  ),
  TLS_CERT_FILE: optional(
    readPath,
    'certificate chain (PEM): serve HTTPS directly where no load balancer ends TLS',
  ),
  TLS_KEY_FILE: optional(readPath, 'its private key (PEM)'),
  ALLOW_IPS: optional(
    readAllowedBlocks,
    'CIDR list of senders; the word `mailtrap` stands for Mailtrap’s published ranges',
  ),
  BASIC_AUTH: secret(readBasicAuth, '`user:password` also required on the webhook URL'),
  URL_TOKEN: secret(readUrlToken, 'value also required as `?token=`'),
  BODY_LIMIT: setting('10MB', readBodyLimit, 'larger bodies get 413; 2MB to 64MB'),
  KEEP_ALIVE: setting(
    '650s',
    readKeepAlive,
    'how long an idle connection is kept, longer than the balancer’s idle time; idle ones give way to new ones',
  ),
  HANDLER_TIMEOUT: setting('30s', readTimeout, 'one attempt'),
  RETRY_SCHEDULE: setting(
    '5s,30s,2m,10m,30m,1h,3h,6h,12h',
    readWaits,
    'waits between attempts; after the last one the job is dead; `none`: one attempt',
  ),
  RETAIN_EVENTS: setting(
    '30d',
    readRetention,
    'how long events and done jobs are kept, from receipt',
  ),
  RETAIN_DEAD: setting(
    '90d',
    readRetention,
    'how long dead jobs and quarantine are kept, from receipt',
  ),
  RETAIN_KEYS: setting(
    '400d',
    readKeyRetention,
    'how long deduplication keys are kept, from receipt',
  ),
  REDACT_KEY: secret(
    readRedactKey,
    'makes the hashes of `redact`; made and kept in `DATA_DIR` where it is not set, needed with PostgreSQL',
  ),
  PUBLIC_URL: optional(
    readWebUrl,
    'where the provider reaches this receiver, such as `https://hooks.example.com`; for `doctor` and the guardian',
  ),
  MAILTRAP_API_TOKEN: secret(
    readApiToken,
    'Mailtrap’s management API, for `webhooks` and `doctor`; turns the guardian on',
  ),
  MAILTRAP_ACCOUNT_ID: optional(
    readAccountId,
    'a number: the management API is asked with the account in its paths',
  ),
  MAILTRAP_API_URL: setting('https://mailtrap.io', readWebUrl, 'where the management API is'),
  GUARDIAN_RESUME: setting(
    'false',
    readSwitch,
    '`true`: resume our own paused webhook once we are healthy again',
  ),
  GUARDIAN_INTERVAL: setting(
    '1m',
    readInterval,
    'how often the guardian looks at the provider; 1s to 1h',
  ),
  ALERT_URL: secret(
    readSecretUrl,
    'where alerts are posted: Slack’s form for Slack’s hosts, else JSON',
  ),
  ALERT_SECRET: secret(
    readStandardSecret,
    'signs them by Standard Webhooks: base64, `whsec_` before it or not',
  ),
  LOG_LEVEL: setting(
    'info',
    readLogLevel,
    `one of ${LOG_LEVELS.join(', ')}; JSON lines on stdout, pretty on a terminal`,
  ),
}

export type SettingName = keyof typeof TABLE
export type SettingValues = {
  readonly [Name in SettingName]: ReturnType<(typeof TABLE)[Name]['read']>
}

/** A row of the table. */
export interface SettingDescription extends Setting<unknown> {
  readonly name: SettingName
  /** The same setting in the YAML file: `retainEvents` for `RETAIN_EVENTS`. */
  readonly fileKey: string
}

export const SETTINGS: readonly SettingDescription[] = Object.entries(TABLE).map(([name, row]) => ({
  ...row,
  name: name as SettingName,
  fileKey: name.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
}))

/** Only commands read them, but handlers do not get them either. */
const COMMAND_VARIABLES = [
  'MAILINGAPI_API_TOKEN',
  'MAILINGAPI_API_TOKEN_FILE',
  'MAILINGAPI_API_URL',
]

/** Every environment variable that is one of our settings. */
export const SETTING_VARIABLES: readonly string[] = [
  ...SETTINGS.flatMap(({ name, isSecret }) => (isSecret ? [name, `${name}_FILE`] : [name])),
  ...COMMAND_VARIABLES,
]

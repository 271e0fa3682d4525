import {
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

/** One setting: how its text is read. What it means to people is in the README. */
interface Setting<Value> {
  /** Of the text, or of none. Throws `WrongValue`. */
  readonly read: (text: string | undefined) => Value
  /** As one would write it; undefined: not set. */
  readonly default: string | undefined
  /** May be given as `NAME_FILE`, a path; its value is never shown. */
  readonly isSecret: boolean
}

/** Something that is set by a text, or by nothing but its default. */
function setting<Value>(fallback: string, read: (text: string) => Value): Setting<Value> {
  return { read: (text = fallback) => read(text), default: fallback, isSecret: false }
}

/** `shownDefault` is not read: where what stands in depends on other things. */
function optional<Value>(
  read: (text: string) => Value,
  shownDefault?: string,
): Setting<Value | undefined> {
  const readIfGiven = (text: string | undefined) => (text === undefined ? undefined : read(text))
  return { read: readIfGiven, default: shownDefault, isSecret: false }
}

function secret<Value>(read: (text: string) => Value, shownDefault?: string) {
  return { ...optional(read, shownDefault), isSecret: true }
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
  MAILTRAP_SIGNING_SECRET: secret(readSigningSecrets),
  MAILINGAPI_SIGNING_SECRET: secret(readSigningSecrets),
  CONFIG_FILE: optional((path) => path),
  HANDLERS: optional(
    (text) => text.split(',').map((path) => readPath(path.trim())),
    '`./handlers` if it exists, else the built-in `log` handler',
  ),
  FORWARD_URL: secret(readForwardUrl),
  FORWARD_SECRET: secret((text) => text.trim()),
  FORWARD_FORMAT: setting('event', readForwardFormat),
  STORE_URL: secret(readStoreUrl, 'sqlite:<DATA_DIR>/receiver.db'),
  DATA_DIR: setting('./data', readPath),
  HOST: setting('0.0.0.0', readHost),
  PORT: setting('3000', readPort),
  ADMIN_HOST: setting('127.0.0.1', readHost),
  ADMIN_PORT: setting('3001', readAdminPort),
  ADMIN_PASSWORD: secret(readPassword),
  ROLE: setting('all', readRole),
  TRUST_PROXY: optional(readTrustedBlocks),
  TLS_CERT_FILE: optional(readPath),
  TLS_KEY_FILE: optional(readPath),
  ALLOW_IPS: optional(readAllowedBlocks),
  BASIC_AUTH: secret(readBasicAuth),
  URL_TOKEN: secret(readUrlToken),
  BODY_LIMIT: setting('10MB', readBodyLimit),
  KEEP_ALIVE: setting('650s', readKeepAlive),
  HANDLER_TIMEOUT: setting('30s', readTimeout),
  RETRY_SCHEDULE: setting('5s,30s,2m,10m,30m,1h,3h,6h,12h', readWaits),
  RETAIN_EVENTS: setting('30d', readRetention),
  RETAIN_DEAD: setting('90d', readRetention),
  RETAIN_KEYS: setting('400d', readKeyRetention),
  REDACT_KEY: secret(readRedactKey),
  PUBLIC_URL: optional(readWebUrl),
  MAILTRAP_API_TOKEN: secret(readApiToken),
  MAILTRAP_ACCOUNT_ID: optional(readAccountId),
  MAILTRAP_API_URL: setting('https://mailtrap.io', readWebUrl),
  GUARDIAN_RESUME: setting('false', readSwitch),
  GUARDIAN_INTERVAL: setting('1m', readInterval),
  ALERT_URL: secret(readSecretUrl),
  ALERT_SECRET: secret(readStandardSecret),
  LOG_LEVEL: setting('info', readLogLevel),
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

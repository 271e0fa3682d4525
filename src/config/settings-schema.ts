import * as z from 'zod'
import { readAllowedBlocks, readHost, readTrustedBlocks } from './addresses.ts'
import { readForwardFormat, readForwardUrl } from './handlers/forward-values.ts'
import {
  LOG_LEVELS,
  readAccountId,
  readAdminPort,
  readLogLevel,
  readPath,
  readPort,
  readRole,
  readSecretUrl,
  readSwitch,
  readWebUrl,
} from './plain-values.ts'
import { readByteSize, readDuration, readDurations } from './quantities.ts'
import {
  readApiToken,
  readBasicAuth,
  readPassword,
  readRedactKey,
  readSigningSecrets,
  readStandardSecret,
  readUrlToken,
} from './secret-text.ts'
import { readStoreUrl } from './store-url.ts'
import { readWith } from './wrong-value.ts'

/** One attempt of a handler: long enough to start, short enough to end. */
export const TIMEOUT_LIMITS = { min: '10ms', max: '24h' }
export const RETRY_LIMITS = { min: '1ms', max: '7d', maxCount: 50 }

const RETENTION_LIMITS = { min: '1m', max: '10000d' }
// Mailtrap sends a batch again for up to a day; a key forgotten sooner lets it in twice.
const KEY_LIMITS = { min: '1d', max: '10000d' }
// A batch of 500 events with 1,000 bytes of custom variables each has about 1.6 MB, and a 413
// makes the provider pause the webhook. 64 MB is all that bodies in flight may have together.
const BODY_LIMITS = { min: '2MB', max: '64MB' }
// A balancer that idles for longer than we do sends into a connection that is just being closed.
const KEEP_ALIVE_LIMITS = { min: '1s', max: '1d' }
// The provider takes 150 requests in 10 s.
const GUARDIAN_LIMITS = { min: '1s', max: '1h' }

interface Meaning {
  readonly meaning: string
  /** Shown, not read: where the default depends on other things. */
  readonly shownDefault?: string
  /** May be given as `NAME_FILE`; its value is never shown. */
  readonly isSecret?: boolean
}

function setting<Value>(options: Meaning & { default: string; read: (text: string) => Value }) {
  const { read, default: fallback, meaning } = options
  const field = z.string().default(fallback).transform(readWith(read))
  return field.meta({ meaning, shownDefault: fallback, isSecret: false })
}

function optionalSetting<Value>(options: Meaning & { read: (text: string) => Value }) {
  const { read, meaning, shownDefault, isSecret = false } = options
  return z.string().transform(readWith(read)).optional().meta({ meaning, shownDefault, isSecret })
}

/** Every setting: how its text is read, its default and its meaning. */
export const settingsSchema = z.object({
  MAILTRAP_SIGNING_SECRET: optionalSetting({
    meaning: 'makes the source `mailtrap`; a comma-separated list, newest first (rotation)',
    isSecret: true,
    read: readSigningSecrets,
  }),
  MAILINGAPI_SIGNING_SECRET: optionalSetting({
    meaning: 'makes the source `mailingapi`; likewise',
    isSecret: true,
    read: readSigningSecrets,
  }),
  CONFIG_FILE: optionalSetting({
    meaning: 'YAML: several sources, per-handler settings, and every setting of this table',
    read: (path) => path,
  }),
  HANDLERS: optionalSetting({
    meaning: 'comma-separated modules or folders: `.js .mjs .cjs .ts .mts .cts`',
    shownDefault: '`./handlers` if it exists, else the built-in `log` handler',
    read: (text) => text.split(',').map((path) => readPath(path.trim())),
  }),
  FORWARD_URL: optionalSetting({
    meaning: 'a handler without a file, `forward`: posts every event to this endpoint',
    isSecret: true,
    read: readForwardUrl,
  }),
  FORWARD_SECRET: optionalSetting({
    meaning: 'signs what is posted',
    isSecret: true,
    read: (text) => text.trim(),
  }),
  FORWARD_FORMAT: setting({
    meaning: '`event`, `batch` or `mailtrap`: how it is written',
    default: 'event',
    read: readForwardFormat,
  }),
  STORE_URL: optionalSetting({
    meaning:
      'keeps everything: `sqlite:<file>`, or `postgres://…`, which several replicas may share',
    shownDefault: 'sqlite:<DATA_DIR>/receiver.db',
    isSecret: true,
    read: readStoreUrl,
  }),
  DATA_DIR: setting({
    meaning: 'SQLite file, spool, development secret',
    default: './data',
    read: readPath,
  }),
  HOST: setting({
    meaning: 'public listener: webhooks and health only',
    default: '0.0.0.0',
    read: readHost,
  }),
  PORT: setting({ meaning: 'its port; 0 takes a free one', default: '3000', read: readPort }),
  ADMIN_HOST: setting({
    meaning: 'admin listener: dashboard, admin API, metrics',
    default: '127.0.0.1',
    read: readHost,
  }),
  ADMIN_PORT: setting({
    meaning: 'its port; `off` turns it off',
    default: '3001',
    read: readAdminPort,
  }),
  ADMIN_PASSWORD: optionalSetting({
    meaning: 'basic auth, user `admin`; required when ADMIN_HOST is not loopback',
    isSecret: true,
    read: readPassword,
  }),
  ROLE: setting({
    meaning:
      '`all`, `receive` (HTTP only) or `work` (unpack and dispatch only); the latter two need PostgreSQL',
    default: 'all',
    read: readRole,
  }),
  TRUST_PROXY: optionalSetting({
    meaning: 'CIDR list of the load balancers whose `X-Forwarded-For` counts',
    read: readTrustedBlocks,
  }),
  TLS_CERT_FILE: optionalSetting({
    meaning: 'certificate chain (PEM): serve HTTPS directly where no load balancer ends TLS',
    read: readPath,
  }),
  TLS_KEY_FILE: optionalSetting({ meaning: 'its private key (PEM)', read: readPath }),
  ALLOW_IPS: optionalSetting({
    meaning: 'CIDR list of senders; the word `mailtrap` stands for Mailtrap’s published ranges',
    read: readAllowedBlocks,
  }),
  BASIC_AUTH: optionalSetting({
    meaning: '`user:password` also required on the webhook URL',
    isSecret: true,
    read: readBasicAuth,
  }),
  URL_TOKEN: optionalSetting({
    meaning: 'value also required as `?token=`',
    isSecret: true,
    read: readUrlToken,
  }),
  BODY_LIMIT: setting({
    meaning: 'larger bodies get 413; 2MB to 64MB',
    default: '10MB',
    read: (text) => readByteSize(text, BODY_LIMITS),
  }),
  KEEP_ALIVE: setting({
    meaning:
      'how long an idle connection is kept, longer than the balancer’s idle time; idle ones give way to new ones',
    default: '650s',
    read: (text) => readDuration(text, KEEP_ALIVE_LIMITS),
  }),
  HANDLER_TIMEOUT: setting({
    meaning: 'one attempt',
    default: '30s',
    read: (text) => readDuration(text, TIMEOUT_LIMITS),
  }),
  RETRY_SCHEDULE: setting({
    meaning: 'waits between attempts; after the last one the job is dead; `none`: one attempt',
    default: '5s,30s,2m,10m,30m,1h,3h,6h,12h',
    read: (text) => readDurations(text, RETRY_LIMITS),
  }),
  RETAIN_EVENTS: setting({
    meaning: 'how long events and done jobs are kept, from receipt',
    default: '30d',
    read: (text) => readDuration(text, RETENTION_LIMITS),
  }),
  RETAIN_DEAD: setting({
    meaning: 'how long dead jobs and quarantine are kept, from receipt',
    default: '90d',
    read: (text) => readDuration(text, RETENTION_LIMITS),
  }),
  RETAIN_KEYS: setting({
    meaning: 'how long deduplication keys are kept, from receipt',
    default: '400d',
    read: (text) => readDuration(text, KEY_LIMITS),
  }),
  REDACT_KEY: optionalSetting({
    meaning:
      'makes the hashes of `redact`; made and kept in `DATA_DIR` where it is not set, needed with PostgreSQL',
    isSecret: true,
    read: readRedactKey,
  }),
  PUBLIC_URL: optionalSetting({
    meaning:
      'where the provider reaches this receiver, such as `https://hooks.example.com`; for `doctor` and the guardian',
    read: readWebUrl,
  }),
  MAILTRAP_API_TOKEN: optionalSetting({
    meaning: 'Mailtrap’s management API, for `webhooks` and `doctor`; turns the guardian on',
    isSecret: true,
    read: readApiToken,
  }),
  MAILTRAP_ACCOUNT_ID: optionalSetting({
    meaning: 'a number: the management API is asked with the account in its paths',
    read: readAccountId,
  }),
  MAILTRAP_API_URL: setting({
    meaning: 'where the management API is',
    default: 'https://mailtrap.io',
    read: readWebUrl,
  }),
  GUARDIAN_RESUME: setting({
    meaning: '`true`: resume our own paused webhook once we are healthy again',
    default: 'false',
    read: readSwitch,
  }),
  GUARDIAN_INTERVAL: setting({
    meaning: 'how often the guardian looks at the provider; 1s to 1h',
    default: '1m',
    read: (text) => readDuration(text, GUARDIAN_LIMITS),
  }),
  ALERT_URL: optionalSetting({
    meaning: 'where alerts are posted: Slack’s form for Slack’s hosts, else JSON',
    isSecret: true,
    read: readSecretUrl,
  }),
  ALERT_SECRET: optionalSetting({
    meaning: 'signs them by Standard Webhooks: base64, `whsec_` before it or not',
    isSecret: true,
    read: readStandardSecret,
  }),
  LOG_LEVEL: setting({
    meaning: `one of ${LOG_LEVELS.join(', ')}; JSON lines on stdout, pretty on a terminal`,
    default: 'info',
    read: readLogLevel,
  }),
})

export type SettingValues = z.output<typeof settingsSchema>
export type SettingName = keyof typeof settingsSchema.shape

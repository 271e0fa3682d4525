import * as crypto from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { checkTogether, findTlsPaths, type TlsPaths } from './config/cross-checks.ts'
import { findTraces, readEnvironment, TRACES_SECRET_VARIABLES } from './config/environment.ts'
import { type GivenSettings, readOrigins } from './config/given-settings.ts'
import { findHandlers } from './config/handlers/find-handlers.ts'
import type { ProblemList } from './config/problems.ts'
import { keepSecret } from './config/secret-files.ts'
import { SETTING_VARIABLES, type SettingName, type SettingValues } from './config/settings-table.ts'
import { findMisspelt, findOpenDoors, findWarnings } from './config/settings-warnings.ts'
import {
  buildPlainSource,
  buildSources,
  findRedaction,
  isAnySourceGiven,
  type RedactionSettings,
} from './config/sources.ts'
import { labelStore } from './config/store-url.ts'
import { DEFAULT_PROVIDER, type HandlerSettings, type Source } from './model.ts'

export type { TlsPaths } from './config/cross-checks.ts'
export { type Environment, readEnvironment } from './config/environment.ts'
export { showTarget } from './config/handlers/built-in-entries.ts'
export type { LogLevel } from './config/plain-values.ts'
export { type SettingProblem, SettingsError } from './config/problems.ts'
export { keepSecret } from './config/secret-files.ts'
export { SETTINGS, type SettingDescription } from './config/settings-table.ts'
export type { RedactionSettings } from './config/sources.ts'
export { digestFiles, findReplaced, watchFiles } from './config/watch-files.ts'

/** Everything that can be set, read, checked and with its defaults. Paths are absolute. */
export interface Settings extends Readonly<ReturnType<typeof plainSettings>>, StorePlace {
  /** Never empty, unless the role is `work` or `isSourceOptional` was asked for. */
  readonly sources: readonly Source[]
  readonly handlers: readonly HandlerSettings[]
  readonly tls: TlsPaths | undefined
  /** What is not kept of events as it came. */
  readonly redaction: RedactionSettings
  /** Spans go to a collector; to which and how many, OpenTelemetry's library reads by itself. */
  readonly isTraced: boolean
  /** Set only when `--dev` made it: to be shown to the developer. */
  readonly devSecret: string | undefined
  /** Environment variables that hold secrets or are settings: not for handlers. */
  readonly secretVariables: readonly string[]
  /** The `.env` among what was read; undefined: there is none. */
  readonly envFile: string | undefined
  /** Files whose change means: read the settings again. */
  readonly watchedFiles: readonly string[]
  /** Where handlers are looked for, modules and folders of them, whether they are there or not. */
  readonly handlerPaths: readonly string[]
  /** Sentences for the log: nothing is wrong, but somebody should look. */
  readonly warnings: readonly string[]
}

interface StorePlace {
  readonly dataDir: string
  /** Undefined: the store is a PostgreSQL database. */
  readonly storeFile: string | undefined
  /** `sqlite:<storeFile>` or `postgres://…`, which may hold a password. */
  readonly storeUrl: string
  /** The store for people: without password. */
  readonly storeLabel: string
}

export interface ReadSettingsOptions {
  /** Default: the environment of this process, and below it `.env` in the current folder. */
  readonly env?: NodeJS.ProcessEnv
  /** The `.env` of which `env` has variables. */
  readonly envFile?: string | undefined
  /** From where relative paths of the environment are found. Default: the current folder. */
  readonly cwd?: string
  /** `--dev`: without any source, make one with a secret kept in the data directory. */
  readonly dev?: boolean
  /** For commands that only speak with a running receiver. Default false. */
  readonly isSourceOptional?: boolean
  readonly readFile?: (path: string) => string
  readonly randomBytes?: (size: number) => Buffer
}

/** Reads every setting. Throws one `SettingsError` that lists all problems. */
export function readSettings(options: ReadSettingsOptions = {}): Settings {
  const { cwd = process.cwd(), dev = false, isSourceOptional = false } = options
  const { env: variables, file: envFile } = options.env
    ? { env: options.env, file: options.envFile }
    : readEnvironment(process.env, cwd)
  const { readFile: readAnyFile = readText, randomBytes = crypto.randomBytes } = options
  const files = new Set<string>(envFile === undefined ? [] : [envFile])
  const readFile = (path: string) => {
    files.add(path)
    return readAnyFile(path)
  }
  const origins = readOrigins({ env: variables, cwd, readFile })
  const { env, given, values, secrets, problems } = origins
  const { handlers, handlerPaths, passedOver } = findHandlers(origins)
  const tls = findTlsPaths(origins)
  const sources = buildSources(origins)
  const redaction = findRedaction(origins)
  const traces = findTraces(env)
  checkTogether(origins)
  const isWithoutSource = sources.length === 0 && !isAnySourceGiven(origins)
  const needsSource = !isSourceOptional && values.ROLE !== 'work'
  if (isWithoutSource && !dev && needsSource) addMissingSecret(problems, env)
  problems.throwIfAny([...files])

  const paths = findPaths(values, given, cwd)
  const devSecret =
    isWithoutSource && dev ? keepSecret(paths.dataDir, 'dev', randomBytes) : undefined
  const devSource = buildPlainSource(DEFAULT_PROVIDER, devSecret ? [devSecret] : undefined, values)
  return {
    ...plainSettings(values),
    ...paths,
    sources: devSource ? [devSource] : sources,
    handlers,
    tls,
    redaction,
    isTraced: traces.isTraced,
    devSecret,
    secretVariables: [
      ...new Set([...SETTING_VARIABLES, ...secrets.variables, ...TRACES_SECRET_VARIABLES]),
    ],
    envFile,
    watchedFiles: [...files],
    handlerPaths,
    warnings: [
      ...findWarnings({ env, sources, values, ownVariables: secrets.variables }),
      ...findOpenDoors(variables),
      ...passedOver,
      ...traces.warnings,
    ],
  }
}

/** The environment as handlers may see it: without our settings and without any secret of ours. */
export function handlerEnvironment(
  settings: Pick<Settings, 'secretVariables'>,
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !settings.secretVariables.includes(entry[0]),
  )
  return Object.fromEntries(kept)
}

function plainSettings(values: SettingValues) {
  const { ADMIN_PORT, MAILTRAP_API_TOKEN, ALERT_URL } = values
  return {
    host: values.HOST,
    /** 0: a free one. */
    port: values.PORT,
    /** Undefined: turned off. */
    admin:
      ADMIN_PORT === undefined
        ? undefined
        : { host: values.ADMIN_HOST, port: ADMIN_PORT, password: values.ADMIN_PASSWORD },
    role: values.ROLE,
    /** CIDR blocks; empty: no `X-Forwarded-For` counts. */
    trustProxy: values.TRUST_PROXY ?? [],
    bodyLimitBytes: values.BODY_LIMIT,
    /** How long a connection may idle. */
    keepAliveMs: values.KEEP_ALIVE,
    /** Of a handler that has none of its own; `handlers` hold theirs already. */
    handlerTimeoutMs: values.HANDLER_TIMEOUT,
    retryDelaysMs: values.RETRY_SCHEDULE,
    retainEventsMs: values.RETAIN_EVENTS,
    retainDeadMs: values.RETAIN_DEAD,
    retainKeysMs: values.RETAIN_KEYS,
    /** Where the provider reaches this receiver; undefined: not said. */
    publicUrl: values.PUBLIC_URL,
    /** Mailtrap's management API; undefined without a token: then there is no guardian. */
    management: MAILTRAP_API_TOKEN
      ? {
          url: values.MAILTRAP_API_URL,
          token: MAILTRAP_API_TOKEN,
          accountId: values.MAILTRAP_ACCOUNT_ID,
        }
      : undefined,
    guardian: { mayResume: values.GUARDIAN_RESUME, intervalMs: values.GUARDIAN_INTERVAL },
    /** Where alerts go; undefined: nowhere. `url` may hold a secret. */
    alerts: ALERT_URL ? { url: ALERT_URL, secret: values.ALERT_SECRET } : undefined,
    logLevel: values.LOG_LEVEL,
  }
}

function findPaths(values: SettingValues, given: GivenSettings, cwd: string): StorePlace {
  const folderOf = (name: SettingName) => given.get(name)?.folder ?? cwd
  const dataDir = resolve(folderOf('DATA_DIR'), values.DATA_DIR)
  const { STORE_URL: store } = values
  if (store?.engine === 'postgres') {
    const { url } = store
    return { dataDir, storeFile: undefined, storeUrl: url, storeLabel: labelStore(url) }
  }
  const storeFile = store
    ? resolve(folderOf('STORE_URL'), store.path)
    : join(dataDir, 'receiver.db')
  const storeUrl = `sqlite:${storeFile}`
  return { dataDir, storeFile, storeUrl, storeLabel: storeUrl }
}

function addMissingSecret(problems: ProblemList, env: NodeJS.ProcessEnv): void {
  const misspelt = findMisspelt('MAILTRAP_SIGNING_SECRET', env)
  const hint = misspelt ? `Did you mean it by ${misspelt}, which is not read? ` : ''
  problems.add(
    'MAILTRAP_SIGNING_SECRET',
    'is missing, and without a signing secret anybody could send events in Mailtrap’s name',
    `${hint}Set it to the secret that Mailtrap shows for your webhook, or start with --dev to try things out.`,
  )
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readSome } from '../../config/given-settings.ts'
import { stripFile } from '../../config/secrets.ts'
import { DEFAULT_PROVIDER, type ProviderName, type SecretForm } from '../../model.ts'
import type { BodyFormat } from '../../providers/outgoing-batch.ts'
import { type CommandContext, wrongSettings } from '../command.ts'
import { readSecret } from '../command-settings.ts'
import { listenerUrl } from '../connect.ts'

/** The options of `send`, as its command line names them. */
export interface SendCommandOptions {
  readonly url?: string
  readonly provider: ProviderName
  readonly secret?: string
  readonly secretFile?: string
  readonly secretForm: SecretForm
  readonly basicAuth?: string
  readonly token?: string
  readonly badSignature?: boolean
  readonly contentType?: string
  readonly split?: boolean
  readonly count?: number
  readonly type?: string
  readonly seed?: number
  readonly batchSize?: number
  readonly format: BodyFormat
  /** Events per second. */
  readonly rate?: number
  readonly connections: number
  /** Seconds. */
  readonly timeout: number
}

/** Where to send, and how to be let in. */
export interface Receiver {
  /** With the token in its query. */
  readonly url: URL
  /** To sign with: of a list, newest first, the newest. */
  readonly secret: string
  /** `user:password` */
  readonly basicAuth: string | undefined
}

/** What the options say, else the receiver whose settings the command was given. */
export async function findReceiver(
  options: SendCommandOptions,
  { env }: CommandContext,
): Promise<Receiver> {
  const names = ['HOST', 'PORT', 'TLS_CERT_FILE', 'DATA_DIR', 'BASIC_AUTH', 'URL_TOKEN'] as const
  const { HOST, PORT, TLS_CERT_FILE, DATA_DIR, BASIC_AUTH, URL_TOKEN } = readSome(names, env)
  if (options.url === undefined && PORT === 0) {
    throw wrongSettings(
      'PORT is 0 in these settings: only the receiver’s log says which port it has. Say where it is with --url.',
    )
  }
  const scheme = TLS_CERT_FILE === undefined ? 'http' : 'https'
  const usual = `${listenerUrl({ host: HOST, port: PORT }, scheme)}/webhooks/${options.provider}`
  const url = new URL(options.url ?? usual)
  const token = options.token ?? URL_TOKEN
  if (token !== undefined) url.searchParams.set('token', token)
  const secret = await findSigningSecret(options, env, DATA_DIR)
  return { url, secret, basicAuth: options.basicAuth ?? BASIC_AUTH }
}

const SIGNING_SECRETS = {
  mailtrap: 'MAILTRAP_SIGNING_SECRET',
  mailingapi: 'MAILINGAPI_SIGNING_SECRET',
} as const

async function findSigningSecret(
  { provider, secret, secretFile }: SendCommandOptions,
  env: CommandContext['env'],
  dataDir: string,
): Promise<string> {
  const name = SIGNING_SECRETS[provider]
  // What `serve --dev` keeps, where it ran once.
  const development = () =>
    readFile(join(dataDir, 'dev-secret'), 'utf8').then(stripFile, () => undefined)
  const text =
    (await readSecret({ name, given: secret, file: secretFile }, env)) ??
    readSome([name], env)[name]?.[0] ??
    (provider === DEFAULT_PROVIDER ? await development() : undefined)
  const newest = text?.split(',')[0]?.trim()
  if (newest) return newest
  throw wrongSettings(
    `There is no signing secret to sign with. Set ${name}, give --secret-file, or start the receiver with --dev on the same data directory.`,
  )
}

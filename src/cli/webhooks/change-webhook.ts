import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { dropUndefined } from '../../admin/answer-parts.ts'
import { readSome } from '../../config/given-settings.ts'
import { writeSecretFile } from '../../config/secret-files.ts'
import { errorCode, stripFile } from '../../config/secrets.ts'
import type { CreatedWebhook } from '../../guardian/management-api.ts'
import type { Fields } from '../../guardian/management-failure.ts'
import { MAILINGAPI_EVENT_NAMES } from '../../providers/mailingapi/events.ts'
import { MAILTRAP_EVENT_TYPES } from '../../simulator/sending/webhook.ts'
import { type CommandContext, CommandFailure, wrongUse } from '../command.ts'
import { needWritableFolder } from '../command-settings.ts'
import { type ApiOptions, connectApi } from './connect-api.ts'

/** The options of `create` and `update`, as the command line names them. */
export interface FieldOptions extends ApiOptions {
  readonly url?: string
  readonly type?: string
  readonly stream?: string
  readonly events?: readonly string[]
  readonly format?: string
  readonly domain?: number
  readonly inbox?: number
  readonly description?: string
  readonly secretFile?: string
}

const MAILTRAP_ONLY = ['type', 'stream', 'format', 'domain', 'inbox', 'account'] as const
const TYPES_WITH_EVENTS = ['email_sending', 'campaigns']

/** What the API is to create: what was asked for, and for Mailtrap what the type needs. */
function fieldsToCreate(options: FieldOptions): Fields {
  refuseForeign(options)
  const { provider, url, events, description } = options
  if (provider === 'mailingapi') {
    return dropUndefined({ url, events: events ?? MAILINGAPI_EVENT_NAMES, description })
  }
  const { type = 'email_sending', stream = 'transactional' } = options
  const hasEvents = TYPES_WITH_EVENTS.includes(type)
  if (events && !hasEvents) throw wrongUse(`Of ${type} everything is sent: leave --events out.`)
  return dropUndefined({
    ...changesOf(options),
    webhook_type: type,
    sending_stream: type === 'email_sending' ? stream : undefined,
    event_types: hasEvents ? (events ?? MAILTRAP_EVENT_TYPES) : undefined,
    domain_id: options.domain,
  })
}

/** What the API is to change: only what was asked for. */
export function fieldsToUpdate(options: FieldOptions): Fields {
  refuseForeign(options)
  const changes = dropUndefined(changesOf(options))
  if (Object.keys(changes).length > 0) return changes
  throw wrongUse('Say what to change, for example --url. See --help.')
}

function changesOf(options: FieldOptions): Fields {
  const { provider, url, events, format, inbox, description } = options
  if (provider === 'mailingapi') return { url, events, description }
  return { url, event_types: events, payload_format: format, inbound_inbox_id: inbox }
}

function refuseForeign(options: FieldOptions): void {
  const foreign = options.provider === 'mailingapi' ? MAILTRAP_ONLY : (['description'] as const)
  const given = foreign.find((name) => options[name] !== undefined)
  if (given === undefined) return
  const provider = options.provider === 'mailingapi' ? 'MailingAPI' : 'Mailtrap'
  throw wrongUse(`${provider} knows no --${given}: leave it out.`)
}

/** Creates a webhook, and keeps its secret. */
export async function createWebhook(options: FieldOptions, context: CommandContext) {
  const fields = fieldsToCreate(options)
  const api = await connectApi(options, context)
  const file = findSecretFile(options, context.env)
  const created = await api.create(fields)
  keep(created, file)
  return { webhook: created.webhook, file }
}

/** Puts the secret before those that are there. The API shows it this once: one that cannot be kept is told. */
function keep({ secret, webhook }: CreatedWebhook, { path }: SecretFile): void {
  try {
    const text = existsSync(path) ? stripFile(readFileSync(path, 'utf8')) : ''
    const others = text.split(',').filter((one) => one.trim() !== '' && one !== secret)
    writeSecretFile(realPath(path), `${[secret, ...others].join(',')}\n`)
  } catch (error) {
    throw new CommandFailure(
      `The webhook ${webhook.id} was created, but its signing secret could not be kept in ${path} (${errorCode(error)}). It is shown only this once; put it into your settings yourself: ${secret}`,
      { cause: error },
    )
  }
}

/** What to do next. */
export function describeNext({ path, isRead, setting }: SecretFile): string {
  const kept = `Its signing secret is in ${path}, readable by you only.\n`
  if (isRead) {
    return `${kept}${setting} names that file: a running receiver has it within a second, another one needs\nonly to be started.\n`
  }
  return `${kept}Next: start the receiver with\n  ${setting}=${path} npx mailtrap-receiver\nor name the file in the settings of its source, { file: ${path} }.\n`
}

interface SecretFile {
  readonly path: string
  /** True when a receiver with our environment reads it already. */
  readonly isRead: boolean
  /** The setting that names the file. */
  readonly setting: string
}

/**
 * Where signing secrets of the provider are kept: the file asked for, the one that the receiver's
 * setting names, else one in the data directory. Throws when nothing can be written there, before
 * a secret is made that no one would ever see again.
 */
function findSecretFile(
  { provider, secretFile }: FieldOptions,
  env: CommandContext['env'],
): SecretFile {
  const setting = `${provider.toUpperCase()}_SIGNING_SECRET_FILE`
  const named = env[setting] || undefined
  const dataDir = () => readSome(['DATA_DIR'], env).DATA_DIR
  const path = resolve(secretFile ?? named ?? join(dataDir(), `${provider}-signing-secret`))
  try {
    if (existsSync(path)) readFileSync(path)
    needWritableFolder(dirname(realPath(path)))
  } catch (error) {
    throw new CommandFailure(
      `The signing secret could not be kept in ${path} (${errorCode(error)}), so no webhook was created. Give a file that this user may write to, with --secret-file.`,
      { cause: error },
    )
  }
  return { path, setting, isRead: named !== undefined && resolve(named) === path }
}

/** A link stays a link, and its file is what changes. */
function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path
}

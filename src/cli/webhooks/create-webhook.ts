import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { readSome } from '../../config/given-settings.ts'
import { errorCode, stripFile } from '../../config/secrets.ts'
import { writeSecretFile } from '../../config/write-secret-file.ts'
import type { CreatedWebhook } from '../../guardian/management-api.ts'
import { type CommandContext, CommandFailure } from '../command.ts'
import { needWritableFolder } from '../command-settings.ts'
import { printAnswer } from '../terminal.ts'
import { connectApi } from './connect-api.ts'
import { describeWebhook, type FieldOptions, fieldsToCreate } from './webhook-fields.ts'

export interface CreateOptions extends FieldOptions {
  readonly secretFile?: string
}

/** Creates a webhook, keeps its secret, and says what to do next. */
export async function createWebhook(
  options: CreateOptions,
  context: CommandContext,
): Promise<void> {
  const fields = fieldsToCreate(options)
  const api = await connectApi(options, context)
  const file = findSecretFile(options, context.env)
  const created = await api.create(fields)
  keep(created, file)
  const { webhook } = created
  const answer = { ...webhook, secret_file: file.path }
  await printAnswer(context, answer, () => `${describeWebhook(webhook)}\n${describeNext(file)}`)
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

function describeNext({ path, isRead, setting }: SecretFile): string {
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
  { provider, secretFile }: CreateOptions,
  env: CommandContext['env'],
): SecretFile {
  const setting = `${provider.toUpperCase()}_SIGNING_SECRET_FILE`
  const named = env[setting] || undefined
  const dataDir = () => readSome(['DATA_DIR'], env, '.').DATA_DIR
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

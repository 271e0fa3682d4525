import type { CommandContext } from '../command-context.ts'
import { CommandFailure, EXIT_CODES } from '../command-failure.ts'
import { writeText } from '../terminal/write-text.ts'
import { connectApi } from './connect-api.ts'
import { describeWebhook } from './describe-webhook.ts'
import { findSecretFile, type SecretFile } from './keep-secret.ts'
import type { CreatedWebhook } from './webhook-api.ts'
import { type FieldOptions, fieldsToCreate } from './webhook-fields.ts'

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
  const text = options.json
    ? `${JSON.stringify({ ...webhook, secret_file: file.path })}\n`
    : `${describeWebhook(webhook)}\n${describeNext(file)}`
  await writeText(context.stdout, text)
}

/** The API shows the secret this once: one that cannot be kept is told. */
function keep({ secret, webhook }: CreatedWebhook, file: SecretFile): void {
  try {
    file.add(secret)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new CommandFailure(
      `The webhook ${webhook.id} was created, but its signing secret could not be kept in ${file.path} (${code}). It is shown only this once; put it into your settings yourself: ${secret}`,
      { exitCode: EXIT_CODES.failed, cause: error },
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

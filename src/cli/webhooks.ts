import { Command, Option } from 'commander'
import type { ManagementApi } from '../guardian/management-api.ts'
import type { Fields } from '../guardian/management-failure.ts'
import { isObject } from '../providers/read-value.ts'
import { PAYLOAD_FORMATS, SENDING_STREAMS, WEBHOOK_TYPES } from '../simulator/sending/webhook.ts'
import { type CommandContext, readerOf, readUrl, readWholeNumber, wrongUse } from './command.ts'
import { type Column, createOwnTable } from './table.ts'
import { printAnswer, safeText, writeText } from './terminal.ts'
import {
  createWebhook,
  describeNext,
  type FieldOptions,
  fieldsToUpdate,
} from './webhooks/change-webhook.ts'
import { type ApiOptions, addApiOptions, connectApi } from './webhooks/connect-api.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver webhooks list
  mailtrap-receiver webhooks create --url https://hooks.example.com/webhooks/mailtrap
  mailtrap-receiver webhooks create --url … --stream bulk --events bounce,spam_complaint
  mailtrap-receiver webhooks update 9001 --format jsonlines
  mailtrap-receiver webhooks resume 9001

The API token is taken from MAILTRAP_API_TOKEN (MAILINGAPI_API_TOKEN), the same name with _FILE, or
--token-file; never from the command line, which every user of the machine can see. With an account,
Mailtrap is asked under /api/accounts/<id>/webhooks, else under /api/webhooks.`

const CREATE_NOTES = `
The API shows the signing secret only once. It is put before the others in --secret-file, by default
the file that MAILTRAP_SIGNING_SECRET_FILE (MAILINGAPI_SIGNING_SECRET_FILE) names, else
mailtrap-signing-secret in the data directory; with mode 0600.`

export function webhooksCommand(context: CommandContext): Command {
  const item = (name: string, description: string, act: Action<ApiOptions>) =>
    itemCommand(new Command(name).description(description), act, context)
  return new Command('webhooks')
    .addHelpText('after', EXAMPLES)
    .addCommand(listCommand(context))
    .addCommand(item('get', 'show one', (api, id) => api.get(id)))
    .addCommand(createCommand(context))
    .addCommand(updateCommand(context))
    .addCommand(item('delete', 'delete one, for good', (api, id) => api.delete(id)))
    .addCommand(
      item('pause', 'send it nothing more', (api, id) => api.update(id, api.changeTo.paused)),
    )
    .addCommand(
      item('resume', 'send to it again', (api, id) => api.update(id, api.changeTo.active)),
    )
}

function listCommand(context: CommandContext): Command {
  return addApiOptions(
    new Command('list').description('list them').action(async (options: ApiOptions) => {
      const api = await connectApi(options, context)
      const webhooks = await api.list()
      if (webhooks.length === 0 && !context.options.json) {
        return writeText(context.stderr, 'There are no webhooks.\n')
      }
      const columns = options.provider === 'mailingapi' ? mailingApiColumns : webhookColumns
      await printAnswer(context, webhooks, () => createOwnTable(columns, context)(webhooks))
    }),
  )
}

/** Undefined: a deleted one, which is not always shown again. */
type Action<Options> = (
  api: ManagementApi,
  id: string,
  options: Options,
) => Promise<Fields | undefined>

/** Makes it a command that concerns one webhook, and shows that. */
function itemCommand<Options extends ApiOptions>(
  command: Command,
  act: Action<Options>,
  context: CommandContext,
): Command {
  return addApiOptions(
    command.argument('<id>', 'of the webhook').action(async (id: string, options: Options) => {
      if (options.provider === 'mailtrap' && !/^\d{1,15}$/.test(id)) {
        throw wrongUse(`Mailtrap's webhooks have numbers, and ${id} is none.`)
      }
      const webhook = await act(await connectApi(options, context), id, options)
      const text = webhook ? describeWebhook(webhook) : `${id} is deleted.`
      await printAnswer(context, webhook ?? { id }, () => text)
    }),
  )
}

function updateCommand(context: CommandContext): Command {
  const command = addChangeableOptions(new Command('update')).description(
    'change one; type, stream and domain cannot be changed',
  )
  return itemCommand<FieldOptions>(
    command,
    (api, id, options) => api.update(id, fieldsToUpdate(options)),
    context,
  )
}

function createCommand(context: CommandContext): Command {
  return addApiOptions(
    addChangeableOptions(new Command('create'), true)
      .description('create one, and keep its signing secret where the receiver finds it')
      .addOption(new Option('--type <type>', '(default: email_sending)').choices(WEBHOOK_TYPES))
      .addOption(
        new Option('--stream <stream>', 'of sent mails (default: transactional)').choices(
          SENDING_STREAMS,
        ),
      )
      .option('--domain <id>', 'of one sending domain only', readWholeNumber)
      .option('--secret-file <path>', 'where the signing secret is kept, see below')
      .addHelpText('after', CREATE_NOTES)
      .action(async (options: FieldOptions) => {
        const { webhook, file } = await createWebhook(options, context)
        const answer = { ...webhook, secret_file: file.path }
        const describe = () => `${describeWebhook(webhook)}\n${describeNext(file)}`
        await printAnswer(context, answer, describe)
      }),
  )
}

function addChangeableOptions(command: Command, isNew = false): Command {
  const url = new Option('--url <url>', 'where events are sent').argParser(readUrl)
  return command
    .addOption(url.makeOptionMandatory(isNew))
    .option('--events <names>', 'these only, comma-separated, as the API spells them', readList)
    .addOption(new Option('--format <format>', 'of the batches').choices(PAYLOAD_FORMATS))
    .option('--inbox <id>', 'for inbound e-mail: of one inbox only', readWholeNumber)
    .option('--description <text>', 'MailingAPI only')
}

const readList = readerOf('Give names with commas between them, such as bounce,open.', (text) => {
  const names = text.split(',').map((name) => name.trim())
  return names.every((name) => /^\w+$/.test(name)) ? names : undefined
})

/** Answers of both providers; keys may be missing. */
const webhookColumns: readonly Column<Fields>[] = [
  { title: 'ID', text: ({ id }) => textOf(id) },
  {
    title: 'STATE',
    text: stateOf,
    colour: (webhook) => (stateOf(webhook) === 'active' ? 'green' : 'red'),
  },
  { title: 'TYPE', text: ({ webhook_type: type }) => textOf(type) },
  { title: 'STREAM', text: ({ sending_stream: stream }) => textOf(stream) },
  { title: 'FORMAT', text: ({ payload_format: format }) => textOf(format) },
  {
    title: 'EVENTS',
    text: (webhook) => textOf(webhook.event_types ?? webhook.events),
    mayShrink: true,
  },
  { title: 'URL', text: ({ url }) => textOf(url) },
]

const mailingApiColumns = webhookColumns.filter(
  ({ title }) => !['TYPE', 'STREAM', 'FORMAT'].includes(title),
)

/** Every field of one webhook, a line each. */
function describeWebhook(webhook: Fields): string {
  const lines = Object.entries(webhook).flatMap(([name, value]) =>
    isObject(value)
      ? Object.entries(value).map(([inner, one]) => [`${name}.${inner}`, textOf(one)])
      : [[name, textOf(value)]],
  )
  const width = Math.max(...lines.map(([name = '']) => name.length))
  return lines
    .map(([name = '', text = '']) => `${safeText(name.padEnd(width))}  ${safeText(text)}\n`)
    .join('')
}

function stateOf({ active, status }: Fields): string {
  if (typeof status === 'string') return status
  return active === false ? 'paused' : 'active'
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '-'
  return Array.isArray(value) ? value.join(', ') || '-' : String(value)
}

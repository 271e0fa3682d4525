import { relative } from 'node:path'
import { Command } from 'commander'
import type { Settings } from '../config.ts'
import { ReceiverError } from '../errors.ts'
import { type CheckedHandler, checkHandlers } from './check-handlers.ts'
import { type CommandContext, CommandFailure, describeError, EXIT_CODES } from './command.ts'
import { readCommandSettings, type SettingsOptions } from './command-settings.ts'
import { formatCounted } from './figures.ts'
import { createPaint, type Paint, safeText, writeText } from './terminal.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver check --config receiver.yaml
  HANDLERS=./src/handlers mailtrap-receiver check --json

Opens no port, changes nothing and touches no event. Exit code 78 when something is wrong.`

export function checkCommand(context: CommandContext): Command {
  const command = new Command('check')
    .option('--config <file>', 'settings in YAML (default: CONFIG_FILE)')
    .option('--dev', 'as for serve --dev: a signing secret may be missing')
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action(() => check(command.opts<SettingsOptions & { json?: boolean }>(), context))
  return command
}

async function check(
  options: SettingsOptions & { readonly json?: boolean },
  context: CommandContext,
): Promise<void> {
  const settings = readCommandSettings(options, context)
  const [handlers, store] = await Promise.all([
    checkHandlers(settings, context),
    checkStore(settings),
  ])
  const text = options.json
    ? `${JSON.stringify(checkJson(settings.warnings, handlers, store))}\n`
    : describeCheck(settings, { handlers, store }, createPaint(context.stdout, context.env))
  await writeText(context.stdout, text)
  const wrong = handlers.filter((handler) => handler.problems.length > 0).length
  const parts = [
    ...(wrong > 0 ? [formatCounted(wrong, 'handler')] : []),
    ...(store.isUsable ? [] : ['the store']),
  ]
  if (parts.length === 0) return
  throw new CommandFailure(`${parts.join(' and ')} cannot be used; what is wrong stands above.`, {
    exitCode: EXIT_CODES.configuration,
  })
}

/** A database that is away hinders no start: batches then go to the spool. */
async function checkStore(settings: Settings): Promise<CheckedStore> {
  // Loaded here, as the drivers take their time.
  const { tryStore } = await import('../store/inspect-store.ts')
  try {
    await tryStore(settings)
    return { isUsable: true, problem: undefined }
  } catch (error) {
    const isAway = error instanceof ReceiverError && error.code === 'store_busy'
    return { isUsable: isAway, problem: describeError(error) }
  }
}

function checkJson(
  warnings: readonly string[],
  handlers: Awaited<ReturnType<typeof checkHandlers>>,
  store: CheckedStore,
) {
  return {
    ok: store.isUsable && handlers.every((handler) => handler.problems.length === 0),
    warnings,
    store: { usable: store.isUsable, problem: store.problem ?? null },
    handlers: handlers.map(({ takesBatches, ...handler }) => ({
      ...handler,
      takes_batches: takesBatches,
    })),
  }
}

const TITLE_WIDTH = 10

interface CheckedStore {
  /** True also for a database that is only away. */
  readonly isUsable: boolean
  /** What the opening ran into. */
  readonly problem: string | undefined
}

/** What a start would find, for people. Shows no secret. */
function describeCheck(
  settings: Settings,
  { handlers, store }: { handlers: readonly CheckedHandler[]; store: CheckedStore },
  paint: Paint,
): string {
  const line = (title: string, value: string) =>
    `${paint('dim', title.padEnd(TITLE_WIDTH))}${safeText(value)}\n`
  return [
    ...settings.sources.map((source) =>
      line(
        'source',
        `POST /webhooks/${source.name}, ${source.provider}, ${formatCounted(source.secrets.length, 'secret')}`,
      ),
    ),
    line('listens', `${settings.host} port ${settings.port}`),
    line('admin', describeAdmin(settings.admin)),
    line('store', settings.storeLabel),
    ...(store.problem === undefined ? [] : [line('', store.problem)]),
    ...settings.warnings.map((warning) => line('warning', warning)),
    '\n',
    ...handlers.map((handler) => describeHandler(handler, paint)),
  ].join('')
}

function describeAdmin(admin: Settings['admin']): string {
  if (admin === undefined) return 'off'
  const password = admin.password === undefined ? 'no password' : 'with a password'
  return `${admin.host} port ${admin.port}, ${password}`
}

function describeHandler(handler: CheckedHandler, paint: Paint): string {
  const { name, module, target, keys, takesBatches, problems, output } = handler
  const to = target === null ? '' : `\n    to ${safeText(target)}`
  const place = `${safeText(showModule(module))}${to}`
  if (problems.length === 0) {
    const manner = takesBatches ? ', in batches' : ''
    return `${paint('green', '✓')} ${paint('bold', safeText(name ?? ''))}  ${place}\n    ${safeText(keys.join(', '))}${manner}\n`
  }
  const lines = [...problems, ...output.map((text) => `it wrote: ${text}`)]
  const details = lines.map((text) => `    ${safeText(text)}\n`).join('')
  const title = name ? `${paint('bold', safeText(name))}  ${place}` : paint('bold', place)
  return `${paint('red', '✗')} ${title}\n${details}`
}

/** Short for modules below the current folder. */
function showModule(module: string): string {
  const path = relative('.', module)
  return module.startsWith('/') && !path.startsWith('..') ? path : module
}

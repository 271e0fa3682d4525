import { Command } from 'commander'
import type { RunningApp } from '../app/running-app.ts'
import type { Settings } from '../config.ts'
import { createLogger } from '../observe/create-logger.ts'
import { type CommandContext, readVersion } from './command.ts'
import { readCommandSettings } from './command-settings.ts'
import { runReceiver } from './run-receiver.ts'
import { keepSettingsCurrent } from './serve/keep-settings-current.ts'

const EXAMPLES = `
Examples:
  MAILTRAP_SIGNING_SECRET_FILE=/run/secrets/mailtrap mailtrap-receiver
  mailtrap-receiver serve --config receiver.yaml
  mailtrap-receiver serve --dev

SIGTERM or Ctrl-C stops it in good order, a second one at once.`

interface ServeOptions {
  readonly dev?: boolean
}

export function serveCommand(context: CommandContext): Command {
  return new Command('serve')
    .option('--config <file>', 'settings in YAML (default: CONFIG_FILE)')
    .option(
      '--dev',
      'load handlers anew when their files change; without any secret, make one and show it',
    )
    .option('--json', 'print problems as JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action((options: ServeOptions) => serve(options, context))
}

async function serve(options: ServeOptions, context: CommandContext): Promise<void> {
  const settings = readCommandSettings(options, context)
  const version = readVersion()
  const log = createLogger({ level: settings.logLevel, output: context.stdout })
  for (const warning of settings.warnings) log.warn(warning)
  // Loaded here, so that no other command waits for the whole receiver to load.
  const { createApp } = await import('../app.ts')
  // Who tries things out, or reads along, waits for nobody to learn that it goes.
  const isBehindBalancer = !options.dev && context.stdout.isTTY !== true
  const followsCode = options.dev === true
  const { env } = context
  const app = createApp({ settings, log, version, env, isBehindBalancer, followsCode })
  const read = () => readCommandSettings(options, context)
  let stopKeeping = () => {}
  await runReceiver(app, context, async (addresses) => {
    stopKeeping = keepSettingsCurrent({
      settings,
      read,
      apply: app.reload,
      log,
      followsFolders: followsCode,
      onReloadAsked: context.onReloadAsked,
    })
    const { publicUrl, adminUrl = 'off', handlers } = addresses
    const names = handlers.map(({ name }) => name)
    const where = { public_url: publicUrl, admin_url: adminUrl, handlers: names }
    const { envFile } = settings
    log.info({ version, ...where, ...(envFile && { env_file: envFile }) }, 'ready')
    if (settings.devSecret !== undefined) {
      context.stderr.write(describeDevelopment(settings, settings.devSecret, addresses))
    }
    return 'stay'
  })
  stopKeeping()
  log.info('stopped')
}

function describeDevelopment(
  { dataDir }: Settings,
  secret: string,
  { publicUrl, adminUrl }: RunningApp,
): string {
  const url = `${publicUrl}/webhooks/mailtrap`
  const page = adminUrl === undefined ? '' : `Look at what came:\n  ${adminUrl}/\n`
  return `
Development secret, kept in ${dataDir}:
  ${secret}
Send signed events:
  MAILTRAP_SIGNING_SECRET=${secret} npx mailtrap-receiver send --count 100 --url ${url}
${page}
`
}

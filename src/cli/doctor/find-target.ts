import type { Settings } from '../../config.ts'
import type { Source } from '../../model.ts'
import { CommandFailure, EXIT_CODES } from '../command-failure.ts'

const WEBHOOK_PATH = /\/webhooks\/([^/]+)\/?$/

/** Where the receiver should be reached, and which of its sources are to be tried. */
export function findTarget(options: {
  readonly url: string | undefined
  readonly source: string | undefined
  readonly settings: Pick<Settings, 'publicUrl' | 'sources'>
}): { base: URL; sources: readonly Source[] } {
  const { settings } = options
  const base = readBase(options.url ?? settings.publicUrl)
  const named = options.source ?? WEBHOOK_PATH.exec(base.pathname)?.[1]
  base.pathname = base.pathname.replace(WEBHOOK_PATH, '/')
  base.search = ''
  base.hash = ''
  const sources = settings.sources.filter(({ name }) => named === undefined || name === named)
  if (named === undefined || sources.length > 0 || settings.sources.length === 0) {
    return { base, sources }
  }
  throw wrong(
    `There is no source ${named} in these settings. There are: ${settings.sources.map(({ name }) => name).join(', ')}.`,
  )
}

function readBase(text: string | undefined): URL {
  if (text === undefined) {
    throw wrong(
      'Say where the receiver is: mailtrap-receiver doctor https://<host>, or set PUBLIC_URL.',
    )
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw wrong('The URL is no address of http or https, such as https://hooks.example.com.')
  }
  // Of the settings' own; those in the URL would be sent to whoever answers.
  url.username = ''
  url.password = ''
  return url
}

function wrong(text: string): CommandFailure {
  return new CommandFailure(text, { exitCode: EXIT_CODES.usage })
}

import { relative } from 'node:path'
import type { Settings } from '../../config.ts'
import { formatCounted } from '../terminal/figures.ts'
import type { Paint } from '../terminal/paint.ts'
import { safeText } from '../terminal/safe-text.ts'
import type { CheckedHandler } from './check-handlers.ts'

const TITLE_WIDTH = 10

/** What a start would find, for people. Shows no secret. */
export function describeCheck(
  settings: Settings,
  handlers: readonly CheckedHandler[],
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
  const { name, module, keys, takesBatches, problems, output } = handler
  const place = safeText(showModule(module))
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

import { randomBytes } from 'node:crypto'
import { handlerEnvironment, keepSecret, type Settings } from '../config.ts'
import { ReceiverError } from '../errors.ts'
import type { HandlerRegistration, Redaction } from '../model.ts'
import type { Store } from '../store/store.ts'
import type { WorkThread } from '../work/start-work-thread.ts'
import type { WorkRules } from '../work/work-messages.ts'
import type { Composition } from './running-app.ts'
import type { Closer } from './stopping.ts'

/** Another replica runs them; it may have come later, with others. */
const LOOK_FOR_HANDLERS_MS = 10_000

interface StartReport {
  readonly problems: readonly string[]
}

export type HandlersStart = ReturnType<typeof startHandlers>

/** Modules are loaded from now on, beside whatever else starts; one that takes long joins later. */
export function startHandlers(work: WorkThread, composition: Composition) {
  const { settings, env, followsCode, redaction, closers, reloaders } = composition
  const stop: Closer = async ({ handlersSoftMs: softMs, handlersHardMs: hardMs }) => {
    await work.ask('beginStop')
    await work.ask('stopHandlers', { softMs, hardMs })
  }
  const rulesOf = (from: Settings): WorkRules => ({
    handlers: from.handlers,
    childEnv: handlerEnvironment(from, env),
    redaction: redaction(),
    followsCode,
  })
  const starting = work.ask<StartReport>('startHandlers', rulesOf(settings))
  // Should something else end the start, nobody waits for it.
  starting.catch(() => {})
  /**
   * Resolves when modules are loaded, but for those that take long; rejects with `invalid_handler`
   * when one is not what a handler has to be.
   */
  const whenStarted = async () => {
    // They stop first, before the listeners that began after them: no request waits for a handler.
    closers.add('handlers', stop)
    const { problems } = await starting
    if (problems.length > 0) {
      throw new ReceiverError('invalid_handler', { detail: problems.map(asSentence).join(' ') })
    }
    reloaders.push(async (fresh, { isCodeNew }) => {
      const report = await work.ask<StartReport>('reload', rulesOf(fresh), isCodeNew)
      return report.problems
    })
  }
  return { whenStarted, stop }
}

/** Who wrote the handler may have ended it without one. */
const asSentence = (text: string) => (/[.!?…]$/.test(text) ? text : `${text}.`)

/** Where others run the handlers: which there are, for the admin listener. */
export async function rememberHandlers(
  store: Pick<Store, 'loadHandlers'>,
  { closers }: Composition,
): Promise<() => readonly HandlerRegistration[]> {
  let handlers: readonly HandlerRegistration[] = []
  const load = async () => {
    handlers = await store.loadHandlers().catch(() => handlers)
  }
  const timer = setInterval(() => void load(), LOOK_FOR_HANDLERS_MS).unref()
  closers.add('list of handlers', () => clearInterval(timer))
  await load()
  return () => handlers
}

/** The rules with their key; undefined when everything is kept. */
export function findRedaction({
  redaction,
  dataDir,
}: Pick<Settings, 'redaction' | 'dataDir'>): Redaction | undefined {
  const { common, bySource, key } = redaction
  const rules = [common, ...Object.values(bySource)].filter((one) => one !== undefined)
  if (rules.length === 0) return undefined
  const isHashing = rules.some(({ hash }) => hash.length > 0)
  const usedKey = key ?? (isHashing ? keepSecret(dataDir, 'redact', randomBytes) : '')
  return { common, bySource, key: usedKey }
}

import { performance } from 'node:perf_hooks'
import { isDeepStrictEqual } from 'node:util'
import { handlerEnvironment, type Settings } from '../config.ts'
import { createDispatcher } from '../dispatch/dispatcher.ts'
import { joinRegistrations } from '../dispatch/join-registrations.ts'
import { ReceiverError } from '../errors.ts'
import type { HandlerRegistration, Redaction } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import { type KeptTrying, keepTrying } from '../store/keep-trying.ts'
import type { OpenedStore } from '../store/open-store.ts'
import { keepUnpackThread } from '../unpack/keep-unpack-thread.ts'
import type { Closers } from './closers.ts'
import type { Reloader, ReloadOptions } from './running-app.ts'

type Registrations = readonly HandlerRegistration[]

/**
 * Part of the composition: unpacking, and dispatch before it, because unpacking has to know which
 * handlers want an event. Answers how to ask which there are: one whose module took long to load
 * joins later.
 */
export async function startHandlers(parts: {
  readonly settings: Settings
  readonly store: OpenedStore
  readonly env: NodeJS.ProcessEnv | undefined
  readonly leaseMs: number
  readonly observer: Observer
  /** That of this moment. */
  readonly redaction: () => Redaction | undefined
  readonly closers: Closers
  readonly reloaders: Reloader[]
  readonly stopped: AbortSignal
}): Promise<() => Registrations> {
  const { settings, store, env, leaseMs, observer, closers, reloaders, stopped } = parts
  let modules = settings.handlers.map(({ module }) => module)
  let loaded: Registrations = []
  /** A handler whose module cannot be loaded today keeps its place: events wait for it. */
  let remembered: Registrations | undefined
  let registering: KeptTrying | undefined
  let unpackedWith: ReturnType<typeof readRules> | undefined

  const unpacking = keepUnpackThread({
    connect() {
      unpackedWith = readRules()
      return { store: store.connect(), ...unpackedWith, leaseMs }
    },
    observer,
  })
  const dispatcher = createDispatcher({
    store,
    handlers: settings.handlers,
    leaseMs,
    childEnv: handlerEnvironment(settings, env),
    observer,
    now: () => performance.now(),
    random: Math.random,
    onLateRegistration(late) {
      loaded = joinRegistrations([late], loaded)
      void unpackAsNow()
      registering?.again()
    },
  })

  const isOurs = ({ module }: HandlerRegistration) => modules.includes(module)
  const registrations = () => joinRegistrations(loaded, remembered ?? []).filter(isOurs)

  function readRules() {
    return { registrations: registrations(), redaction: parts.redaction() }
  }

  /** Resolves when nothing is unpacked any more by other rules than those of this moment. */
  async function unpackAsNow(): Promise<void> {
    if (!isDeepStrictEqual(readRules(), unpackedWith)) await unpacking.restart()
  }

  async function register(): Promise<void> {
    remembered ??= await store.loadHandlers()
    await store.saveHandlers(loaded.filter(isOurs))
    unpacking.start()
  }

  async function reload(fresh: Settings, { isCodeNew }: ReloadOptions) {
    modules = fresh.handlers.map(({ module }) => module)
    // At once, as loading may take long; and again for the handlers that were loaded.
    void unpackAsNow()
    const childEnv = handlerEnvironment(fresh, env)
    const { problems } = await dispatcher.reload({ ...fresh, childEnv, isCodeNew })
    await unpackAsNow()
    return problems
  }

  closers.add(({ handlersSoftMs, handlersHardMs }) =>
    dispatcher.stop({ softMs: handlersSoftMs, hardMs: handlersHardMs }),
  )
  const report = await dispatcher.start()
  stopped.throwIfAborted()
  if (report.problems.length > 0)
    throw new ReceiverError('invalid_handler', { detail: report.problems.join(' ') })
  loaded = joinRegistrations(loaded, report.registrations)
  reloaders.push(reload)
  closers.add(() => unpacking.stop())
  registering = keepTrying(register, { isPatient: settings.storeFile === undefined, observer })
  closers.add(registering.stop)
  await registering.firstTry
  return registrations
}

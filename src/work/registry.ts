import type { Lanes } from '../dispatch/lanes.ts'
import { createRoutes } from '../handlers/event-keys.ts'
import type { HandlerRegistration } from '../model.ts'
import type { WorkStore } from '../store/store.ts'
import type { UnpackRules } from './active-batch.ts'
import type { Health } from './health.ts'
import type { WorkRules } from './work-messages.ts'

type Registrations = readonly HandlerRegistration[]

export interface RegistryParts {
  readonly store: Pick<WorkStore, 'loadHandlers' | 'saveHandlers'>
  readonly lanes: Pick<Lanes, 'start' | 'reload' | 'registrations' | 'unknownModules'>
  readonly health: Pick<Health, 'failed'>
  /** To unpack by these rules from now on. */
  readonly follow: (rules: UnpackRules) => void
  readonly tell: (registrations: Registrations) => void
}

const AGAIN_MS = 1_000

/**
 * Knows which handlers there are: those whose modules are loaded, and those of the settings that the
 * store remembers, so that events wait for one that cannot be loaded today. Nothing is unpacked
 * before every module is known by one of both, or has failed to load: whatever a handler wants, it
 * wants from the first batch on.
 */
export function createRegistry({ store, lanes, health, follow, tell }: RegistryParts) {
  let rules: WorkRules | undefined
  let remembered: Registrations | undefined
  let saving: Promise<void> | undefined
  let isFollowed = false

  function registrations(): Registrations {
    return addWhere(join(lanes.registrations(), remembered ?? []))
  }

  /** Of what the settings name, with what they say of the events that it wants. */
  function addWhere(known: Registrations): Registrations {
    const handlers = new Map(rules?.handlers.map((handler) => [handler.module, handler]))
    return known.flatMap((registration) => {
      const handler = handlers.get(registration.module)
      return handler ? [{ ...registration, where: handler.where }] : []
    })
  }

  /** Something became known: a handler, what the store remembers, or that a module cannot be loaded. */
  async function note(): Promise<void> {
    saving ??= save().finally(() => {
      saving = undefined
    })
    await saving
    followIfKnown()
  }

  /** A shared store may be away: then this takes until it is back. */
  async function save(): Promise<void> {
    for (;;) {
      try {
        remembered ??= await store.loadHandlers()
        followIfKnown()
        await store.saveHandlers(addWhere(lanes.registrations()))
        return
      } catch (error) {
        health.failed(error)
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref())
      }
    }
  }

  function followIfKnown(): void {
    if (rules === undefined || remembered === undefined) return
    const known = remembered.map(({ module }) => module)
    const isWaiting = lanes.unknownModules().some((module) => !known.includes(module))
    if (isWaiting && !isFollowed) return
    isFollowed = true
    const all = registrations()
    follow({ routes: createRoutes(all), redaction: rules.redaction })
    tell(all)
  }

  return {
    note,
    async start(first: WorkRules) {
      rules = first
      void note()
      const report = await lanes.start(first)
      void note()
      return { ...report, registrations: registrations() }
    },
    /** Goes over to other handlers, settings, code or redaction. */
    async reload(fresh: WorkRules, isCodeNew: boolean) {
      rules = fresh
      // At once, as loading may take long; and again for the handlers that were loaded.
      followIfKnown()
      const { problems } = await lanes.reload({ ...fresh, isCodeNew })
      followIfKnown()
      // A store that is away must not hold up who waits for the settings to be taken.
      void note()
      return { problems }
    },
  }
}

/** The newer registrations, and those of the older whose name and module they do not replace. */
function join(newer: Registrations, older: Registrations): HandlerRegistration[] {
  const names = newer.map(({ name }) => name)
  const modules = newer.map(({ module }) => module)
  const kept = older.filter(
    ({ name, module }) => !names.includes(name) && !modules.includes(module),
  )
  return [...newer, ...kept]
}

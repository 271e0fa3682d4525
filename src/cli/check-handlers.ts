import { handlerEnvironment, type Settings, showTarget } from '../config.ts'
import { HandlerProcess } from '../dispatch/process/handler-process.ts'
import { DEFAULT_LIMITS } from '../dispatch/process/spawn-host.ts'
import type { HandlerSettings } from '../model.ts'
import type { CommandContext } from './command.ts'

/** What became of loading one handler module. */
export interface CheckedHandler {
  readonly module: string
  /** Where it takes its events; null for a module. */
  readonly target: string | null
  /** Undefined when it could not be loaded. */
  readonly name: string | undefined
  readonly keys: readonly string[]
  readonly takesBatches: boolean
  /** Empty: it can be used. */
  readonly problems: readonly string[]
  /** The last lines that it wrote while it was loaded. */
  readonly output: readonly string[]
}

const MAX_OUTPUT_LINES = 20

/** Loads every handler module in a process of its own, and ends it. */
export async function checkHandlers(
  settings: Settings,
  { env }: CommandContext,
): Promise<CheckedHandler[]> {
  const childEnv = handlerEnvironment(settings, env)
  const checked = await Promise.all(settings.handlers.map((handler) => load(handler, childEnv)))
  return refuseSharedNames(checked)
}

function load(
  handler: HandlerSettings,
  env: Readonly<Record<string, string>>,
): Promise<CheckedHandler> {
  let facts: Pick<CheckedHandler, 'name' | 'keys' | 'takesBatches'> | undefined
  const output: string[] = []
  return new Promise((resolve) => {
    const child = new HandlerProcess(
      { handler, env, limits: DEFAULT_LIMITS },
      {
        onReady(ready) {
          facts = ready
          // It is ready only once this call has returned.
          setImmediate(() => child.stop())
          return undefined
        },
        onLine: ({ text }) => {
          output.push(text)
          if (output.length > MAX_OUTPUT_LINES) output.shift()
        },
        onEnds: () => {},
        onCode: () => {},
        onLinesDropped: () => {},
        onRoom: () => {},
        onLoadingLong: () => {},
        onExit: ({ failure }) => {
          const unloaded = { name: undefined, keys: [], takesBatches: false }
          resolve({
            module: handler.module,
            target: handler.builtIn ? showTarget(handler.builtIn) : null,
            ...(facts ?? unloaded),
            problems: failure?.problems ?? [],
            output,
          })
        },
      },
    )
  })
}

/** Jobs are kept under the handler's name, so no two may have the same. */
function refuseSharedNames(handlers: readonly CheckedHandler[]): CheckedHandler[] {
  return handlers.map((handler) => {
    const twin = handlers.find((other) => other !== handler && other.name === handler.name)
    if (handler.name === undefined || twin === undefined) return handler
    const problem = `Its name ${handler.name} is also that of ${twin.module}. Give one of them another.`
    return { ...handler, problems: [...handler.problems, problem] }
  })
}

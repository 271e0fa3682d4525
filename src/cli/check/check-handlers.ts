import { type HandlerModule, handlerEnvironment, type Settings } from '../../config.ts'
import { HandlerProcess } from '../../dispatch/process/handler-process.ts'
import type { CommandContext } from '../command-context.ts'

/** What became of loading one handler module. */
export interface CheckedHandler {
  readonly module: string
  /** Undefined when it could not be loaded. */
  readonly name: string | undefined
  readonly keys: readonly string[]
  readonly takesBatches: boolean
  /** Empty: it can be used. */
  readonly problems: readonly string[]
  /** The last lines that it wrote while it was loaded. */
  readonly output: readonly string[]
}

const LOAD_TIMEOUT_MS = 30_000
const GRACE_MS = 1_000
const MEMORY_MARGIN_BYTES = 128 * 1024 ** 2
const MAX_OUTPUT_LINES = 20

/** Loads every handler module in a process of its own, and ends it. */
export async function checkHandlers(
  settings: Settings,
  { env, elapsedMs }: CommandContext,
): Promise<CheckedHandler[]> {
  const means = { env: handlerEnvironment(settings, env), elapsedMs }
  const checked = await Promise.all(settings.handlers.map((handler) => load(handler, means)))
  return refuseSharedNames(checked)
}

function load(
  { module, concurrency, timeoutMs, maxHeapBytes }: HandlerModule,
  { env, elapsedMs }: Pick<CommandContext, 'env' | 'elapsedMs'>,
): Promise<CheckedHandler> {
  const limits = {
    graceMs: GRACE_MS,
    loadTimeoutMs: LOAD_TIMEOUT_MS,
    memoryMarginBytes: MEMORY_MARGIN_BYTES,
  }
  const process = { module, env, concurrency, timeoutMs, maxHeapBytes, ...limits }
  let facts: Pick<CheckedHandler, 'name' | 'keys' | 'takesBatches'> | undefined
  const output: string[] = []
  return new Promise((resolve) => {
    const child = new HandlerProcess(
      process,
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
        onJobsEnded: () => {},
        onLinesDropped: () => {},
        onGrown: () => {},
        onExit: (_reason, failure) => {
          const unloaded = { name: undefined, keys: [], takesBatches: false }
          resolve({ module, ...(facts ?? unloaded), problems: failure?.problems ?? [], output })
        },
      },
      elapsedMs,
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

import { close as closeInspector, url as inspectorUrl } from 'node:inspector'
import { Worker } from 'node:worker_threads'
import { describeError } from '../../handlers/handler-errors.ts'
import { listLoadedFiles, loadHandler } from '../../handlers/load-handler.ts'
import { type HostSettings, MAX_FILES } from '../channel-frames.ts'
import type { LoadedCode, LoadFailure } from '../child-frame.ts'
import { HostChannel } from './host-channel.ts'
import { HostLoop } from './host-loop.ts'
import { exit, startInterval, stringify } from './untouched.ts'

/*
 * Loads the handler's module, then runs its events in waves. What this side needs of the globals it
 * takes before it loads the module, which may patch them.
 */

/** What is imported while the handler runs is told so late. */
const LOOK_FOR_CODE_MS = 500

/** Ends this process group, itself included, without a chance for anybody to object. */
function vanish(): void {
  process.kill(-process.pid, 'SIGKILL')
}

/** Looks from a thread of its own, because a handler that spins does not hear the channel close. */
function watchParent(): void {
  const code = `const { workerData } = require('node:worker_threads')
    setInterval(() => process.ppid === workerData.parent || process.kill(-process.pid, 'SIGKILL'), 1000)`
  const workerData = { parent: process.ppid }
  const watch = new Worker(code, { eval: true, execArgv: [], env: {}, workerData })
  watch.on('error', () => {})
  watch.unref()
}

/** Should it have been opened while Node itself was starting. */
function closeOpenInspector(): void {
  if (inspectorUrl() !== undefined) closeInspector()
}

/** Whether a module was loaded and is wrong by our rules, so that only its author can mend it. */
function isInvalidHandler(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (/^The (handler module .* is wrong: |package .* is not installed\.)/s.test(error.message)) {
    return true
  }
  return error.cause instanceof Error && error.cause.message.startsWith('defineHandler: ')
}

/** From which files the handler's module is loaded, for a parent that follows them. */
class CodeNews {
  readonly #since = Date.now()
  readonly #module: string
  #told = 0

  constructor(module: string) {
    this.#module = module
  }

  take(): { readonly code: LoadedCode } {
    const loaded = listLoadedFiles()
    this.#told = loaded.length
    const files = [...new Set([this.#module, ...loaded])].slice(0, MAX_FILES)
    return { code: { files, since: this.#since } }
  }

  /** Tells of all of them whenever there are more. */
  watch(tell: (news: { readonly code: LoadedCode }) => void): void {
    startInterval(() => {
      if (listLoadedFiles().length > this.#told) tell(this.take())
    }, LOOK_FOR_CODE_MS).unref()
  }
}

/** Runs a handler in this process, once the parent has told its settings and until it says stop. */
export function hostHandler(module: string): void {
  watchParent()
  closeOpenInspector()
  let loop: HostLoop | undefined
  let code: CodeNews | undefined
  const channel = new HostChannel({
    onPage: (head, rest) => loop?.takePage(head, rest),
    onOrder: (order) => {
      if (order.begin) void begin(order.begin)
      else loop?.takeOrder(order)
    },
    onGone: vanish,
  })
  const giveUp = (failed: LoadFailure) => {
    channel.write(stringify({ failed, ...code?.take() }))
    channel.end(() => exit(1))
  }
  const failToLoad = (error: unknown) => {
    giveUp({ kind: 'load', problems: [describeError(error)] })
  }
  process.on('uncaughtException', failToLoad)

  async function begin(settings: HostSettings): Promise<void> {
    if (settings.tellsCode) code = new CodeNews(module)
    try {
      const handler = await loadHandler(module, settings.builtIn)
      process.off('uncaughtException', failToLoad)
      const running = new HostLoop(handler, channel, settings)
      loop = running
      process.on('exit', () => running.tellAtOnce())
      process.on('uncaughtException', (error) => {
        running.confess(describeError(error))
        exit(1)
      })
      const { name, keys, takesBatches, batchSize: callEvents } = handler
      const ready = { name, keys, takesBatches, callEvents }
      channel.write(stringify({ ready, ...code?.take() }))
      code?.watch((more) => channel.write(stringify(more)))
    } catch (error) {
      const problems = [error instanceof Error ? error.message : describeError(error)]
      giveUp({ kind: isInvalidHandler(error) ? 'invalid' : 'load', problems })
    }
  }
}

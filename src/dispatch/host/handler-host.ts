import { Worker } from 'node:worker_threads'
import { describeError } from '../../handlers/describe-error.ts'
import { loadHandlerModule } from '../../handlers/load-handler.ts'
import type { HostSettings, LoadFailure, ParentFrame } from '../channel-frames.ts'
import { HostChannel } from './host-channel.ts'
import { HostTurns } from './host-turns.ts'
import { isInvalidHandler } from './is-invalid-handler.ts'

/*
 * Where a handler's process begins: loads the module, then runs its jobs in turns. What this side
 * needs of the globals it takes before it loads the module, which may patch them.
 */

const { exit } = process
const stringify = JSON.stringify

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

/** The parent decides when the jobs under way are to end. */
function ignoreSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
}

async function host(module: string, settings: HostSettings): Promise<void> {
  const channel = new HostChannel()
  let take: (frame: ParentFrame) => void = () => {}
  channel.listen((frame) => take(frame), vanish)
  ignoreSignals()
  watchParent()
  const giveUp = async (failed: LoadFailure) => {
    await channel.write(stringify({ failed }))
    exit(1)
  }
  const failToLoad = (error: unknown) => {
    void giveUp({ kind: 'load', problems: [describeError(error)] })
  }
  process.on('uncaughtException', failToLoad)
  try {
    const handler = await loadHandlerModule(module)
    process.off('uncaughtException', failToLoad)
    const turns = new HostTurns(handler, channel, settings)
    take = (frame) => turns.take(frame)
    process.on('exit', () => turns.tellAtOnce())
    process.on('uncaughtException', (error) => {
      turns.confess(describeError(error))
      exit(1)
    })
    const { name, keys, takesBatches } = handler
    await channel.write(stringify({ ready: { name, keys, takesBatches } }))
  } catch (error) {
    const problems = [error instanceof Error ? error.message : describeError(error)]
    await giveUp({ kind: isInvalidHandler(error) ? 'invalid' : 'load', problems })
  }
}

const [module = '', settings = '{}'] = process.argv.slice(2)
await host(module, JSON.parse(settings))

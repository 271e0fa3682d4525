import { once } from 'node:events'
import type { App, RunningApp } from '../app/running-app.ts'
import { type CommandContext, CommandFailure } from './command.ts'

/**
 * Runs a receiver until the process is asked to stop, or until `whileUp`, which begins when it is
 * up, resolves to `stop`. Asked again, it stops at once.
 */
export async function runReceiver(
  receiver: Omit<App, 'reload'>,
  { stopped, stoppedAgain }: Pick<CommandContext, 'stopped' | 'stoppedAgain'>,
  whileUp: (running: RunningApp) => Promise<'stop' | 'stay'>,
): Promise<void> {
  const hurried = whenAborted(stoppedAgain).then(async () => {
    await receiver.stopNow()
    throw new CommandFailure(
      'Stopped at once, as asked: what was under way goes on at the next start.',
    )
  })
  // The store is broken, so nothing is left that a stop could save.
  const broken = receiver.failed.then((error) => Promise.reject(error))
  const run = async () => {
    const running = await Promise.race([receiver.start(), whenAborted(stopped)])
    try {
      const end = running && (await Promise.race([whenAborted(stopped), whileUp(running)]))
      if (end === 'stay') await whenAborted(stopped)
    } finally {
      await receiver.stop()
    }
  }
  await Promise.race([run(), broken, hurried])
  // Hurried along, the ordinary stop ends just as soon.
  if (stoppedAgain.aborted) await hurried
}

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

import { once } from 'node:events'
import { type CommandContext, CommandFailure } from './command.ts'

/** Where a running receiver is reached, and which handlers it runs. */
export interface ReceiverAddresses {
  /** For example `http://127.0.0.1:3000`. */
  readonly publicUrl: string
  /** Undefined: turned off. */
  readonly adminUrl: string | undefined
  readonly handlers: readonly { readonly name: string; readonly module: string }[]
}

/** A receiver, as the command line sees it. */
export interface Receiver {
  /** Rejects with what hinders it, and has stopped then. */
  start(): Promise<ReceiverAddresses>
  /** Lets everything under way end, and ends a start; takes less than 9 seconds. */
  stop(): Promise<void>
  /** Ends what is under way, also during `stop`; it goes on at the next start. */
  stopNow(): Promise<void>
  /** Resolves with the reason when it cannot go on. */
  readonly failed: Promise<Error>
}

/**
 * Runs a receiver until the process is asked to stop, or until `whileUp`, which begins when it is
 * up, resolves to `stop`. Asked again, it stops at once.
 */
export async function runReceiver(
  receiver: Receiver,
  { stopped, stoppedAgain }: Pick<CommandContext, 'stopped' | 'stoppedAgain'>,
  whileUp: (addresses: ReceiverAddresses) => Promise<'stop' | 'stay'>,
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
    const addresses = await Promise.race([receiver.start(), whenAborted(stopped)])
    try {
      const end = addresses && (await Promise.race([whenAborted(stopped), whileUp(addresses)]))
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

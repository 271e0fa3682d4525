/*
 * Where a handler's process begins. It imports nothing at first, so that from its first moment on the
 * signals do what is said here.
 */

/** The parent decides when the attempts under way are to end. */
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})

/** A listener takes the place of Node's, which opens the inspector to whoever may connect. */
process.on('SIGUSR1', () => {})

const { hostHandler } = await import('./host-handler.ts')
const [module = ''] = process.argv.slice(2)
hostHandler(module)

import { ReceiverError } from '../errors.ts'
import { CommandFailure } from './command-failure.ts'

/** What the system says when a port cannot be had, and what to do. */
const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'somebody listens there already. Stop that process, or set PORT or ADMIN_PORT to another',
  EACCES: 'this user may not listen there. Set PORT or ADMIN_PORT to one above 1023',
  EADDRNOTAVAIL: 'this machine has no such address. Set HOST or ADMIN_HOST to one that it has',
}

/** Expected errors as sentences; of others, whoever mends them needs the stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof CommandFailure || error instanceof ReceiverError) return error.message
  return describeListenProblem(error) ?? error.stack ?? error.message
}

function describeListenProblem(error: NodeJS.ErrnoException): string | undefined {
  const problem = error.syscall === 'listen' ? LISTEN_PROBLEMS[error.code ?? ''] : undefined
  if (problem === undefined) return undefined
  const { address = 'this machine', port = '' } = error as { address?: string; port?: number }
  return `Port ${port} of ${address} cannot be had: ${problem}.`
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from '../on-test-finished.ts'
import { PATIENCE_MS } from '../patience-ms.ts'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const REPLICA = fileURLToPath(new URL('./replica.mjs', import.meta.url))

export const SECRET = '8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e'

export interface ReceiverProcess {
  readonly child: ChildProcess
  readonly publicUrl: string
  readonly adminUrl: string
  /** Everything it has logged so far. */
  readonly lines: readonly string[]
  /** Resolves with exit code or signal. */
  readonly ended: Promise<number | string | null>
}

/**
 * A receiver as its users run it: the built program, a process of its own, any free ports. `leaseMs`
 * gives it other leases, so that nobody has to wait for those of one that died, `lookEveryMs` has it
 * look for causes more often. `onLine` hears of what it logs, also before it is ready; `onSpawn` gets
 * its process at once.
 */
export async function startReceiver(
  env: Readonly<Record<string, string | undefined>>,
  options: {
    leaseMs?: number
    lookEveryMs?: number
    /** Runs this instead of `serve`; it logs `ready` like that. */
    program?: string
    flags?: readonly string[]
    /** How many descriptors it may open. */
    openFiles?: number
    onLine?: (line: string, child: ChildProcess) => void
    onSpawn?: (child: ChildProcess) => void
  } = {},
): Promise<ReceiverProcess> {
  const { leaseMs, lookEveryMs, flags = [], openFiles, onLine, onSpawn } = options
  const other = options.program ?? ((leaseMs ?? lookEveryMs) === undefined ? undefined : REPLICA)
  const program = other === undefined ? [MAIN, 'serve', ...flags] : [other]
  const limit = openFiles === undefined ? '' : `ulimit -n ${openFiles} && `
  const child = spawn('sh', ['-c', `${limit}exec "$0" "$@"`, process.execPath, ...program], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      MAILTRAP_SIGNING_SECRET: SECRET,
      HOST: '127.0.0.1',
      PORT: '0',
      ADMIN_PORT: '0',
      LEASE_MS: leaseMs?.toString(),
      LOOK_EVERY_MS: lookEveryMs?.toString(),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close').then(
    ([code, signal]: unknown[]) => (code ?? signal) as number | string | null,
  )
  onTestFinished(() => killAndWait(child))
  onSpawn?.(child)
  const lines: string[] = []
  const addresses = new Promise<{ publicUrl: string; adminUrl: string }>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`not ready:\n${lines.join('\n')}`)),
      PATIENCE_MS,
    )
    let rest = ''
    const read = (chunk: Buffer): void => {
      const parts = `${rest}${chunk}`.split('\n')
      rest = parts.pop() ?? ''
      for (const line of parts) {
        lines.push(line)
        onLine?.(line, child)
        if (!line.includes('"msg":"ready"')) continue
        const { public_url: publicUrl, admin_url: adminUrl } = JSON.parse(line)
        resolve({ publicUrl, adminUrl })
        clearTimeout(timer)
      }
    }
    child.stdout.on('data', read)
    child.stderr.on('data', (chunk: Buffer) => lines.push(String(chunk)))
    void ended.then((how) => {
      clearTimeout(timer)
      reject(new Error(`ended with ${how} before it was ready:\n${lines.join('\n')}`))
    })
  })
  return { child, lines, ended, ...(await addresses) }
}

/** What a test has started is gone before its folder is removed: it may still write into that. */
export async function killAndWait(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

#!/usr/bin/env node
import { EventEmitter } from 'node:events'
import { close as closeInspector, url as inspectorUrl } from 'node:inspector'
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'

/*
 * A listener takes the place of Node's, which opens the inspector, and with it every secret, to whoever
 * may connect: also for a handler that signals its parent. It is there before any module of others is
 * loaded. Node 20 refuses `--disable-sigusr1`.
 */
process.on('SIGUSR1', () => {})
refuseOldNode()
const reloads = new EventEmitter()
const command = process.argv[2] ?? 'serve'
const isServer = command === 'serve' || command.startsWith('-')
let isReloadAsked = false
/** A receiver reads its settings again, wherever it runs and however far its start is, and never ends of it. */
if (isServer) {
  process.on('SIGHUP', () => {
    if (!reloads.emit('reload')) isReloadAsked = true
  })
}
keepCompiled()
const [{ runProgram }, { readEnvironment }] = await Promise.all([
  import('./cli/program.ts'),
  import('./config/environment.ts'),
])
if (inspectorUrl() !== undefined && !isInspectorWanted()) closeInspector()

/**
 * A terminal sends Ctrl-C to npm and to us, who stops a group his SIGTERM, and npm sends either on: within
 * this time it is one.
 */
const ECHO_MS = 300
/** How long a command may take to end at once. */
const LAST_CHANCE_MS = 4_000

const stop = new AbortController()
const stopAgain = new AbortController()

process.on('SIGTERM', process.env.npm_lifecycle_event === undefined ? askToStop : withoutEcho())
// Who has left the terminal of another command wants its end.
if (!isServer) process.on('SIGHUP', askToStop)
process.on('SIGINT', withoutEcho())
// `… --json | head` ends the reader first, which is no failure of ours. A receiver whose log has lost
// its reader goes on: it has webhooks to answer.
const isReceiver = isServer || command === 'demo'
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (!isReceiver) process.exit(error.code === 'EPIPE' ? 0 : 1)
})

const ownEnvironment = { ...process.env }
const readOwnEnvironment = () => readEnvironment(ownEnvironment, process.cwd())
// The library that sends traces reads its variables by itself.
Object.assign(process.env, readAtFirst())
const exitCode = await runProgram(process.argv.slice(2), {
  env: process.env,
  readEnvironment: readOwnEnvironment,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  stopped: stop.signal,
  stoppedAgain: stopAgain.signal,
  onReloadAsked(listener) {
    reloads.on('reload', listener)
    if (isReloadAsked) listener()
    isReloadAsked = false
    return () => reloads.off('reload', listener)
  },
  now: Date.now,
  elapsedMs: () => performance.now(),
})
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)))
// A reader that is stuck must not hold up the end.
setTimeout(() => process.exit(exitCode), LAST_CHANCE_MS)

/** An older Node misses what our modules import, and would say no more than that. `.build.mjs` refuses it too. */
function refuseOldNode(): void {
  const { node } = process.versions
  const [major = 0, minor = 0] = node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  process.stderr.write(
    `error: This is Node ${node}, and 20.19 is the oldest that will do. Install a newer one.\n`,
  )
  process.exit(1)
}

/**
 * Where Node can keep what it has compiled, from 22.1 on: beside the code, because whoever may write there
 * could change the code as well, which is not so in a folder for everybody's files. Where it may not be
 * written, as in a container, Node does without.
 */
function keepCompiled(): void {
  const { enableCompileCache } = nodeModule as { enableCompileCache?: (folder: string) => unknown }
  if (import.meta.url.endsWith('.mjs')) {
    enableCompileCache?.(fileURLToPath(new URL('compiled/', import.meta.url)))
  }
}

/** Otherwise it was opened by a signal while Node itself was starting. */
function isInspectorWanted(): boolean {
  return [...process.execArgv, process.env.NODE_OPTIONS].some((flag) => flag?.includes('--inspect'))
}

/** Whatever command needs it reads it again, and says then what is wrong. */
function readAtFirst(): NodeJS.ProcessEnv {
  try {
    return readOwnEnvironment().env
  } catch {
    return {}
  }
}

function withoutEcho(): () => void {
  let heardAt = Number.NEGATIVE_INFINITY
  return () => {
    const isEcho = performance.now() - heardAt < ECHO_MS
    heardAt = performance.now()
    if (!isEcho) askToStop()
  }
}

function askToStop(): void {
  if (!stop.signal.aborted) {
    stop.abort()
    return
  }
  if (stopAgain.signal.aborted) return
  stopAgain.abort()
  setTimeout(endInItsMidst, LAST_CHANCE_MS).unref()
}

/** A receiver's log names what has not ended. */
function endInItsMidst(): void {
  const kept = isReceiver ? ' What was acknowledged is kept, and goes on at the next start.' : ''
  const limit = `${LAST_CHANCE_MS / 1_000} s`
  process.stderr.write(`error: Cut off: asked twice, it had not ended within ${limit}.${kept}\n`)
  process.exit(1)
}

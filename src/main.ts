#!/usr/bin/env node
import { EventEmitter } from 'node:events'
import { runProgram } from './cli/program.ts'

/** A terminal sends Ctrl-C to npm and to us, and npm sends it on: within this time it is one. */
const SAME_KEYSTROKE_MS = 300
/** How long a command may take to end at once. */
const LAST_CHANCE_MS = 4_000

const stop = new AbortController()
const stopAgain = new AbortController()
const reloads = new EventEmitter()
let interruptedAt = Number.NEGATIVE_INFINITY

process.on('SIGTERM', askToStop)
process.on('SIGINT', () => {
  const isEcho = performance.now() - interruptedAt < SAME_KEYSTROKE_MS
  interruptedAt = performance.now()
  if (!isEcho) askToStop()
})
// Who left a terminal wants an end; a receiver that listens for it reads its settings again.
process.on('SIGHUP', () => {
  if (!process.stdout.isTTY && reloads.listenerCount('reload') > 0) reloads.emit('reload')
  else askToStop()
})
// `… --json | head` ends the reader first, which is no failure of ours. A receiver whose log has lost
// its reader goes on: it has webhooks to answer.
const command = process.argv[2] ?? 'serve'
const isReceiver = ['serve', 'demo'].includes(command) || command.startsWith('-')
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (!isReceiver) process.exit(error.code === 'EPIPE' ? 0 : 1)
})

const exitCode = await runProgram(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  stopped: stop.signal,
  stoppedAgain: stopAgain.signal,
  onReloadAsked(listener) {
    reloads.on('reload', listener)
    return () => reloads.off('reload', listener)
  },
  now: Date.now,
  elapsedMs: () => performance.now(),
})
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)))
// A reader that is stuck must not hold up the end.
setTimeout(() => process.exit(exitCode), LAST_CHANCE_MS)

function askToStop(): void {
  if (!stop.signal.aborted) {
    stop.abort()
    return
  }
  stopAgain.abort()
  setTimeout(() => process.exit(1), LAST_CHANCE_MS).unref()
}

/**
 * Threads and child processes do not inherit `--cpu-prof`: hand it on. Loaded into a server that is
 * profiled, before its own code.
 */
import childProcess from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'
import { basename } from 'node:path'
import workerThreads from 'node:worker_threads'

const { Worker, isMainThread } = workerThreads
const { spawn } = childProcess
const folder = process.execArgv.find((flag) => flag.startsWith('--cpu-prof-dir='))

function profile(name) {
  return ['--cpu-prof', folder, `--cpu-prof-name=${name}-${process.pid}-${Date.now()}.cpuprofile`]
}

if (isMainThread && folder) {
  workerThreads.Worker = class extends Worker {
    constructor(file, options = {}) {
      const name = basename(String(file)).replace(/\.[jt]s$/, '')
      super(file, { ...options, execArgv: [...(options.execArgv ?? []), ...profile(name)] })
    }
  }
  childProcess.spawn = (command, args, options) =>
    spawn(command, command === process.execPath ? [...profile('handler'), ...args] : args, options)
  syncBuiltinESMExports()
}

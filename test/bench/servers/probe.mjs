/**
 * Loaded into a measured server before its own code (`node --import`), so that nothing of the
 * benchmark is part of it. Answers over the channel to the benchmark how long the event loop of
 * the main thread stood still at the most, since it was last asked.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

const RESOLUTION_MS = 1

if (isMainThread && process.channel) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  let cpuBefore = process.cpuUsage()

  process.on('message', () => {
    const { user, system } = process.cpuUsage(cpuBefore)
    process.send({
      stallMs: Math.max(0, delay.max / 1e6 - RESOLUTION_MS),
      cpuMs: (user + system) / 1_000,
    })
    delay.reset()
    cpuBefore = process.cpuUsage()
  })
  process.channel.unref()
}

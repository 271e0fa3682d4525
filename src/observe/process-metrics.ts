import { monitorEventLoopDelay } from 'node:perf_hooks'
import { METRICS } from './metric-list.ts'
import type { MetricMaker } from './metric-maker.ts'

/** How often the event loop is looked at, and how often the longest stall since is noted. */
const RESOLUTION_MS = 10
const NOTE_EVERY_MS = 1_000

/** What the process takes of its machine. Other threads have loops of their own, not seen here. */
export function watchProcess({ counter, gauge, histogram }: MetricMaker) {
  const cpu = counter(METRICS.cpu)
  const memory = gauge(METRICS.memory)
  const heap = gauge(METRICS.heap)
  const loopLag = histogram(METRICS.loopLag)
  gauge(METRICS.startTime).set(Date.now() / 1_000 - process.uptime())

  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  const timer = setInterval(() => {
    // Without a look at the loop since the last time, there is nothing to tell.
    if (delays.count > 0) loopLag.observe(Math.max(0, delays.max / 1e9 - RESOLUTION_MS / 1_000))
    delays.reset()
  }, NOTE_EVERY_MS)
  timer.unref()

  return {
    read(): void {
      const { user, system } = process.cpuUsage()
      cpu.reset()
      cpu.inc((user + system) / 1e6)
      memory.set(process.memoryUsage.rss())
      heap.set(process.memoryUsage().heapUsed)
    },
    stop(): void {
      clearInterval(timer)
      delays.disable()
    },
  }
}

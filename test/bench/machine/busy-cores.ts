import { cpus } from 'node:os'

/** Answers how many cores all processes together have kept busy since it was made. */
export function watchBusyCores(): () => number {
  const startedAt = performance.now()
  const busyBefore = readBusyMs()
  return () => (readBusyMs() - busyBefore) / (performance.now() - startedAt)
}

function readBusyMs(): number {
  const busy = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq)
  return busy.reduce((sum, ms) => sum + ms, 0)
}

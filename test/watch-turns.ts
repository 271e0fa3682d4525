/**
 * Watches how long this process is busy without a turn of its event loop; `stop` answers the longest,
 * in milliseconds of processor time, which other suites that run at the same time do not lengthen.
 */
export function watchTurns(): { stop(): number } {
  let longest = 0
  let before = process.cpuUsage()
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(before)
    longest = Math.max(longest, user + system)
    before = process.cpuUsage()
  }, 5)
  return {
    stop() {
      clearInterval(timer)
      return longest / 1_000
    },
  }
}

import { writeSync } from 'node:fs'
import { createLogger } from '../../src/observe/create-logger.ts'

// Started by stuck-reader.test.ts: logs far more than a pipe holds, and tells on fd 3 how it fared.
const LINES = 60_000
const LINES_PER_TURN = 500
const log = createLogger({ level: 'info' })
const startRss = process.memoryUsage().rss
let longestTurnMs = 0
let written = 0

function turn(): void {
  const startedAt = performance.now()
  for (let line = 0; line < LINES_PER_TURN; line += 1) log.info({ line }, 'x'.repeat(200))
  written += LINES_PER_TURN
  longestTurnMs = Math.max(longestTurnMs, performance.now() - startedAt)
  if (written < LINES) setImmediate(turn)
  else end()
}

function end(): void {
  const grownBytes = process.memoryUsage().rss - startRss
  const waitingBytes = process.stdout.writableLength
  writeSync(3, JSON.stringify({ written, longestTurnMs, grownBytes, waitingBytes }))
  process.exit(0)
}

turn()

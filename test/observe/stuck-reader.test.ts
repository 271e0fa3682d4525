import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'

const FLOOD = fileURLToPath(new URL('flood-log.ts', import.meta.url))

describe('a log whose reader is stuck', () => {
  it('costs lines, and neither time, memory nor the end of the process', async () => {
    const args = ['--import', import.meta.resolve('tsx'), FLOOD]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    // stdout is never read: its pipe holds 64 KB, and the process writes some 17 MB.
    const exited = once(child, 'exit')
    const report = JSON.parse(await text(child.stdio[3] as Readable))
    expect(await exited).toEqual([0, null])
    expect(report.written).toBe(60_000)
    expect(report.waitingBytes).toBeLessThanOrEqual(1024 * 1024)
    expect(report.grownBytes).toBeLessThan(80 * 1024 * 1024)
    expect(report.longestTurnMs).toBeLessThan(5_000)
  })
})

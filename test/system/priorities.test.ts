import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { PATIENCE_MS } from '../patience-ms.ts'
import { startReceiver } from './receiver-process.ts'

it.skipIf(process.platform !== 'linux')(
  'lets the thread that answers come before the one that unpacks',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'priorities-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const { child } = await startReceiver({ DATA_DIR: folder })
    const pid = child.pid ?? 0
    const threads = () => readdirSync(`/proc/${pid}/task`).map(Number)
    // Some end while they are looked at.
    const isLessUrgent = (thread: number) => {
      try {
        return getPriority(thread) > getPriority(pid)
      } catch {
        return false
      }
    }
    await vi.waitFor(() => expect(threads().some(isLessUrgent)).toBe(true), PATIENCE_MS)
    expect(getPriority(pid)).toBe(getPriority())
  },
)

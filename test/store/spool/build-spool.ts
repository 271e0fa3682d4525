import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import type { Batch } from '../../../src/model.ts'
import { createSpool, type SpoolOptions } from '../../../src/store/spool.ts'
import { createRecordingObserver } from '../../dispatch/recording-observer.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { createFakeStore } from './fake-store.ts'
import { createManualTimers } from './manual-timers.ts'

export const SOON = { interval: 20 }

export function newDirectory(): string {
  const parent = mkdtempSync(join(tmpdir(), 'receiver-spool-'))
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }))
  return join(parent, 'spool')
}

/** A spool on a real SQLite file, before a store that does what the test wants. */
export function buildSpool(overrides: Partial<SpoolOptions> = {}) {
  const shared = createFakeStore()
  const timers = createManualTimers()
  const observer = createRecordingObserver()
  const onBroken = vi.fn()
  const directory = overrides.directory ?? newDirectory()
  const spool = createSpool({
    shared,
    directory,
    observer,
    onBroken,
    now: () => Date.UTC(2026, 0, 17, 12),
    startTimer: timers.startTimer,
    usedPercent: async () => 10,
    isOnContainerLayer: async () => false,
    ...overrides,
  })
  let stopping: Promise<void> | undefined

  /** Drains for as long as it takes, unless `graceMs` is 0. */
  function stop(graceMs = 60_000): Promise<void> {
    stopping ??= spool.stop({ graceMs })
    if (graceMs === 0) timers.ring(0)
    return stopping
  }
  // Runs before the directory goes.
  onTestFinished(() => stop(0))
  return { spool, shared, timers, observer, onBroken, directory, stop, facts: observer.facts }
}

export const idsOf = (batches: readonly Batch[]): string[] => batches.map(({ id }) => id)

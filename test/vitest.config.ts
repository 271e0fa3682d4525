import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { PATIENCE_MS } from './patience-ms.ts'
import { SlowestFirst } from './slowest-first.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

export default defineConfig({
  root,
  resolve: {
    alias: [
      { find: 'mailtrap-receiver/testing', replacement: `${root}src/handlers/testing.ts` },
      { find: /^[./]+\/entry-point\.ts$/, replacement: `${root}test/built-entry-point.ts` },
      { find: 'mailtrap-receiver', replacement: `${root}src/handlers/index.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build-when-stale.ts', 'test/store/postgres/global-setup.ts'],
    setupFiles: ['test/patience.ts'],
    expect: { poll: { timeout: PATIENCE_MS } },
    pool: 'forks',
    // On two fast cores four are faster (285 s), as many tests wait for processes. On two slow ones four took
    // 1,044 s and had conditions come too late, and two took 683 s without that.
    maxWorkers: 2,
    // No module of ours keeps state, and loading all of them for each file took a fifth of the time.
    isolate: false,
    sequence: { sequencer: SlowestFirst },
    // Longer than a condition may take: what never comes true is then told, not that time is up.
    testTimeout: 2 * PATIENCE_MS,
    hookTimeout: 2 * PATIENCE_MS,
    dangerouslyIgnoreUnhandledErrors: false,
  },
})

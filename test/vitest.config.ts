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
    // Many tests wait for processes: two workers left the cores idle. With six the run takes as long as with
    // four (270 to 285 s on two cores), and each test half as long again.
    maxWorkers: 4,
    // No module of ours keeps state, and loading all of them for each file took a fifth of the time.
    isolate: false,
    sequence: { sequencer: SlowestFirst },
    // Longer than a condition may take: what never comes true is then told, not that time is up.
    testTimeout: 2 * PATIENCE_MS,
    hookTimeout: 2 * PATIENCE_MS,
    dangerouslyIgnoreUnhandledErrors: false,
  },
})

import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

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
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    dangerouslyIgnoreUnhandledErrors: false,
  },
})

import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Of this checkout, with its own tests; `handlers/` is what a team has put there. */
function makeCheckout(handlers: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-checkout-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const name of ['node_modules', 'dist', 'src', 'test']) {
    symlinkSync(join(ROOT, name), join(folder, name))
  }
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  mkdirSync(join(folder, 'handlers'))
  for (const [name, text] of Object.entries(handlers)) {
    writeFileSync(join(folder, 'handlers', name), text)
  }
  return folder
}

it('`npx vitest run --dir handlers` runs the tests of a team’s handlers, and none of ours', async () => {
  const cwd = makeCheckout({
    'first.ts': `import { defineHandler } from 'mailtrap-receiver'
      export default defineHandler({ on: { bounce: async () => {} } })`,
    'first.test.ts': `import { runHandler, sampleEvent } from 'mailtrap-receiver/testing'
      import { expect, it } from 'vitest'
      import handler from './first.ts'
      it('is done', async () => {
        expect((await runHandler(handler, sampleEvent('bounce'))).outcome).toBe('done')
      })`,
  })
  const env = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV)/.test(name))
  const { stdout } = await promisify(execFile)(
    'npx',
    ['vitest', 'run', '--dir', 'handlers', '--reporter=json'],
    {
      cwd,
      env: Object.fromEntries(env),
    },
  )
  const { numPassedTests, testResults } = JSON.parse(stdout.slice(stdout.indexOf('{')))
  expect(testResults.map(({ name }: { name: string }) => name)).toEqual([
    join(cwd, 'handlers/first.test.ts'),
  ])
  expect(numPassedTests).toBe(1)
})

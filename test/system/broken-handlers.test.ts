import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { startReceiver } from './receiver-process.ts'

it('is ready although a handler cannot run, says so, and says when it runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-broken-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const handlers = join(folder, 'handlers')
  mkdirSync(handlers)
  const file = join(handlers, 'fragile.mjs')
  writeFileSync(file, 'throw new Error("the rates cannot be read")\n')
  const receiver = await startReceiver({ DATA_DIR: join(folder, 'data'), HANDLERS: handlers })
  const readiness = async () => {
    const answer = await fetch(`${receiver.publicUrl}/readyz`)
    return (await answer.json()) as { ready: boolean; checks: Record<string, string> }
  }

  const broken = 'degraded: 1 cannot run, its events wait'
  expect(await readiness()).toEqual({
    ready: true,
    checks: { receiver: 'ok', store: 'ok', handlers: broken },
  })

  writeFileSync(
    file,
    `import { defineHandler } from 'mailtrap-receiver'
export default defineHandler({ name: 'fragile', on: { open: () => {} } })\n`,
  )
  receiver.child.kill('SIGHUP')
  await vi.waitFor(async () => {
    expect((await readiness()).checks).toMatchObject({ handlers: 'ok' })
  })
})

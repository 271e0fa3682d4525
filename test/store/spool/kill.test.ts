import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { onTestFinished } from '../../on-test-finished.ts'
import { buildSpool, idsOf, newDirectory, SOON } from './build-spool.ts'

const FILL = fileURLToPath(new URL('fill-spool.ts', import.meta.url))

it('loses nothing it acknowledged when its process is killed with a full spool', async () => {
  const directory = newDirectory()
  const args = ['--import', import.meta.resolve('tsx'), FILL, directory]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const acknowledged = new Set<string>()
  const ended = once(child, 'close')
  createInterface({ input: child.stdout }).on('line', (id) => {
    acknowledged.add(id)
    if (acknowledged.size === 300) child.kill('SIGKILL')
  })
  expect(await ended).toEqual([null, 'SIGKILL'])

  const { spool, shared, facts } = buildSpool({ directory })
  await spool.start()
  expect(facts.spoolFound[0]?.batches).toBeGreaterThanOrEqual(acknowledged.size)
  await vi.waitFor(() => expect(spool.stats().waiting).toBe(0), SOON)
  const drained = idsOf(shared.kept)
  expect([...acknowledged].filter((id) => !drained.includes(id))).toEqual([])
  expect(new Set(drained).size).toBe(drained.length)
})

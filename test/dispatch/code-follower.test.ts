import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CodeFollower } from '../../src/dispatch/code-follower.ts'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'code-follower-'))
  file = join(folder, 'greeting.mjs')
  writeFileSync(file, 'export default 1')
  vi.useFakeTimers({ toFake: ['setInterval'] })
})

afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true, force: true })
})

/** `look`: it looks at the files; resolves when it has. */
function startFollowing() {
  const replace = vi.fn(async () => undefined)
  const owner = {
    name: 'greeting',
    accepting: {},
    settings: {},
    replace,
    isStopping: false,
  } as never
  const follower = new CodeFollower({ handlerCodeChanged: () => {} })
  async function look(meanwhile = () => {}) {
    vi.advanceTimersByTime(300)
    meanwhile()
    for (let n = 0; n < 20; n++) await stat(file)
  }
  const follow = (files: readonly string[]) =>
    follower.follow(owner, { files, since: Date.now() + 60_000 } as never, true)
  return { replace, look, follow }
}

describe('CodeFollower', () => {
  it('has a handler loaded anew once for each change', async () => {
    const { replace, look, follow } = startFollowing()
    follow([file])
    await look()
    expect(replace).toHaveBeenCalledTimes(0)
    writeFileSync(file, 'export default 22')
    await look()
    await look()
    expect(replace).toHaveBeenCalledTimes(1)
  })

  it('has it loaded once, too, when it loads another file while the change is being looked at', async () => {
    const { replace, look, follow } = startFollowing()
    follow([file])
    await look()
    writeFileSync(file, 'export default 22')
    await look(() => follow([file, join(folder, 'late.mjs')]))
    await look()
    await look()
    expect(replace).toHaveBeenCalledTimes(1)
  })
})

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DatabaseSync } from '@photostructure/sqlite'
import { createJiti } from 'jiti'
import * as publicExports from 'mailtrap-receiver'
import { runHandler, sampleEvent } from 'mailtrap-receiver/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readBlocks } from '../tooling/books.ts'
import { holdLock } from './hold-lock.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FILE = 'handlers/last-state.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'last-state-'))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  vi.stubEnv('STATES_DB', join(folder, 'states.db'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/** The book's own text, run. */
async function loadExample(): Promise<publicExports.Handler> {
  const block = readBlocks('src/handlers/README.md').find(({ file }) => file === FILE)
  const module = join(folder, 'last-state.ts')
  writeFileSync(module, block?.text ?? '')
  const loader = createJiti(import.meta.url, {
    fsCache: false,
    virtualModules: { 'mailtrap-receiver': publicExports },
  })
  return loader.import<publicExports.Handler>(module, { default: true })
}

function readStates(): unknown[] {
  const db = new DatabaseSync(join(folder, 'states.db'), { readOnly: true })
  const rows = db.prepare('SELECT message, state FROM states').all()
  db.close()
  return rows.map((row) => ({ ...(row as object) }))
}

const DATA = { message_id: 'msg_1', to: 'someone@example.com' }
const TEMPORARY = sampleEvent('bounced', { data: { ...DATA, bounce_type: 'temporary' } })

describe('the book’s handler of last states', () => {
  it.each([
    [
      'a late delivery after a complaint, Mailtrap',
      [sampleEvent('spam', { message_id: 'm' }), sampleEvent('delivery', { message_id: 'm' })],
      'email.complained',
    ],
    [
      'a late delivery after a complaint, MailingAPI',
      [sampleEvent('complained', { data: DATA }), sampleEvent('delivered', { data: DATA })],
      'email.complained',
    ],
    [
      'a late delivery after a hard bounce',
      [sampleEvent('bounce', { message_id: 'm' }), sampleEvent('delivery', { message_id: 'm' })],
      'email.bounced',
    ],
    [
      'a delivery after a bounce that was only for now',
      [TEMPORARY, sampleEvent('delivered', { data: DATA })],
      'email.delivered',
    ],
  ])('keeps the right one of: %s', async (_title, events, expected) => {
    const handler = await loadExample()
    for (const event of events)
      expect(await runHandler(handler, event)).toMatchObject({ outcome: 'done' })
    expect(readStates()).toMatchObject([{ state: expected }])
  })

  it('waits for another process that writes, such as newer code of its own', async () => {
    await holdLock(join(folder, 'states.db'))
    const handler = await loadExample()
    const event = sampleEvent('delivery', { message_id: 'm' })
    expect(await runHandler(handler, event)).toMatchObject({ outcome: 'done' })
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { onTestFinished } from '../on-test-finished.ts'

const HOLD_MS = 400
const HOLD = `
  import { DatabaseSync } from '@photostructure/sqlite'
  const db = new DatabaseSync(process.argv[1])
  db.exec('CREATE TABLE other (x); BEGIN EXCLUSIVE; INSERT INTO other VALUES (1)')
  console.log('held')
  setTimeout(() => { db.exec('COMMIT'); db.close() }, ${HOLD_MS})`

/** Another process that writes to the database for a moment; resolves when it has begun. */
export async function holdLock(file: string): Promise<void> {
  mkdirSync(dirname(file), { recursive: true })
  const child = spawn(process.execPath, ['--input-type=module', '--eval', HOLD, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    if (child.exitCode === null) await once(child, 'exit')
  })
  await once(child.stdout, 'data')
}

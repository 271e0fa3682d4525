import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createStepRunner } from '../../../src/store/sqlite/driver.ts'
import { findByKeys } from '../../../src/store/sqlite/key-segments.ts'
import { openForWriting } from '../../../src/store/sqlite/open-database.ts'
import { openReader } from '../../../src/store/sqlite/reader.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { openTestKeys } from './test-keys.ts'

const KEY_BYTES = 16

const keyOf = (id: string): Uint8Array =>
  createHash('sha256').update(id).digest().subarray(0, KEY_BYTES)

function newFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'receiver-reader-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'receiver.db')
}

async function openWriter(file = newFile()) {
  const db = await openForWriting(file)
  onTestFinished(() => {
    if (db.isOpen) db.close()
  })
  return { db, file }
}

describe('the thread that reads for people', () => {
  it('sees what was committed beside it, and answers what was asked before it ends', async () => {
    const { db, file } = await openWriter()
    const reader = await openReader(file, (id) => [keyOf(id)])
    expect((await reader.listEvents({})).rows).toEqual([])
    db.exec(
      `INSERT INTO batches (seq, id, source, provider, received_at, sha256, body_bytes)
         VALUES (1, 'b', 'mailtrap', 'mailtrap', 5, x'00', 0);
       INSERT INTO quarantine (batch, reason, detail, position, pieces, start, bytes, piece)
         VALUES (1, 'invalid_json', 'x', 0, 1, 0, 2, x'0102');`,
    )
    db.prepare(
      `INSERT INTO event_rows (id, start, bytes, key, type, event_id, verdict)
       VALUES (1048576, 0, 0, ?, 'open', 'one', 'unhandled')`,
    ).run(keyOf('one'))
    const asked = [
      reader.listEvents({ eventId: 'one' }),
      reader.listEvents({ eventId: 'other' }),
      reader.listEvents({ eventId: 'one', state: 'unhandled' }),
    ]
    const closed = reader.close()
    const found = (await Promise.all(asked)).map(({ rows }) => rows.map(({ id }) => id))
    expect(found).toEqual([['1048576'], [], ['1048576']])
    await closed
    await expect(reader.quarantineBody('1')).rejects.toMatchObject({ code: 'store_closed' })
    await reader.close()
  })

  it('answers bytes as bytes', async () => {
    const { db, file } = await openWriter()
    db.exec(
      `INSERT INTO quarantine (batch, reason, detail, position, pieces, start, bytes, piece)
       VALUES (1, 'invalid_json', 'x', 0, 1, 0, 2, x'0102')`,
    )
    const reader = await openReader(file, () => [])
    expect(await reader.quarantineBody('1')).toEqual(new Uint8Array([1, 2]))
    await reader.close()
  })

  it('keeps the code of an error, and goes on', async () => {
    const { db, file } = await openWriter()
    const reader = await openReader(file, () => [])
    db.exec('DROP TABLE audit')
    await expect(reader.listAudit({})).rejects.toMatchObject({ code: 'store_busy' })
    expect(await reader.pausedHandlers()).toEqual({})
    await reader.close()
  })

  it('says why it cannot open a file', async () => {
    const file = newFile()
    writeFileSync(file, 'this is no database, but long enough to look like one'.repeat(100))
    await expect(openReader(file, () => [])).rejects.toMatchObject({ code: 'store_corrupt' })
  })
})

describe('a reader of keys', () => {
  it('finds the events of recent ones and of those in segments', async () => {
    const { db } = await openWriter()
    const store = openTestKeys(db, { tableEntries: 256, tablesPerSegment: 2, segmentsPerMerge: 3 })
    const keys = Array.from({ length: 5_000 }, () => randomBytes(KEY_BYTES))
    for (let at = 0; at < keys.length; at += 100) {
      const page = keys.slice(at, at + 100)
      store.add(
        Buffer.concat(page),
        page.map((_, n) => 1_048_576 + at + n),
        1_000,
      )
      while (at % 1_000 === 0 && store.merge(50));
    }
    const count = (table: string) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()
    expect(count('key_blocks')).not.toEqual({ n: 0 })
    expect(count('key_segments')).not.toEqual({ n: 0 })

    const take = createStepRunner(db)
    const find = (wanted: readonly Uint8Array[]) => take(findByKeys(wanted))
    for (const [n, key] of keys.entries()) {
      if (n % 37 === 0) expect(find([key])).toEqual([1_048_576 + n])
    }
    expect(find([randomBytes(KEY_BYTES)])).toEqual([])
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { fillSqlite } from './fill-sqlite.ts'

/** How long each question of the admin API takes; run by hand: `npx tsx test/bench/search/main.ts`. */
const EVENTS = Number(process.argv[2] ?? 1_000_000)
const ROUNDS = 3

const QUESTIONS: Readonly<Record<string, (store: Store) => Promise<object | undefined>>> = {
  'the newest': (store) => store.listEvents({}),
  'a common type': (store) => store.listEvents({ type: 'open' }),
  'a type that nobody sent': (store) => store.listEvents({ type: 'none' }),
  'a recipient': (store) => store.listEvents({ recipient: 'user77@example.com' }),
  'nobody’s recipient': (store) => store.listEvents({ recipient: 'nobody@example.com' }),
  'a message': (store) => store.listEvents({ messageId: 'm1234' }),
  'an event id': (store) => store.listEvents({ eventId: 'e1234' }),
  'the dead': (store) => store.listEvents({ state: 'dead' }),
  'the pending': (store) => store.listEvents({ state: 'pending' }),
  'the done': (store) => store.listEvents({ state: 'done' }),
  conflicts: (store) => store.listEvents({ state: 'conflict' }),
  'the dead of a type that nobody sent': (store) =>
    store.listEvents({ state: 'dead', type: 'none' }),
  'a time long ago': (store) => store.listEvents({ to: 2_000 }),
  'one event': (store) => store.getEvent('1234'),
  jobs: (store) => store.listJobs({}),
  'dead jobs': (store) => store.listJobs({ state: 'dead' }),
  'jobs of a handler that is not there': (store) => store.listJobs({ handler: 'none' }),
  quarantine: (store) => store.listQuarantine({}),
  'the audit trail': (store) => store.listAudit({}),
  'the figures': (store) => store.stats(),
}

async function measure(store: Store): Promise<void> {
  for (const [name, ask] of Object.entries(QUESTIONS)) {
    const times: number[] = []
    let answer: { rows?: readonly unknown[]; isPartial?: boolean } = {}
    for (let round = 0; round < ROUNDS; round++) {
      const begunAt = performance.now()
      answer = (await ask(store)) ?? {}
      times.push(performance.now() - begunAt)
    }
    const found = answer.rows ? `${answer.rows.length} rows` : ''
    const partial = answer.isPartial ? ', partial' : ''
    const shown = times.map((ms) => ms.toFixed(0).padStart(5)).join('')
    process.stdout.write(`${name.padEnd(38)}${shown} ms  ${found}${partial}\n`)
  }
}

const directory = mkdtempSync(join(tmpdir(), 'receiver-search-'))
const file = join(directory, 'receiver.db')
try {
  await fillSqlite(file, EVENTS)
  const store = await openSqliteStore(file)
  await measure(store)
  await store.close()
} finally {
  rmSync(directory, { recursive: true, force: true })
}

import { afterAll } from 'vitest'
import { createArchive } from '../../src/store/archive/archive.ts'
import {
  openPostgresEngine,
  type PostgresEngine,
  type PostgresOptions,
} from '../../src/store/postgres/engine.ts'
import type { TestServer } from './postgres/test-server.ts'
import { sampleKey } from './sample-rows.ts'
import type { ContractStore, StoreHarness } from './store-harness.ts'

/** The engine, and an archive that reads by its connections for that. */
export interface PostgresStore
  extends Omit<ContractStore, keyof PostgresEngine>,
    Omit<PostgresEngine, 'append'> {
  readonly url: string
  readonly warnings: readonly string[]
  append(batches: Parameters<ContractStore['append']>[0]): Promise<void>
}

const NOWHERE = 'postgres://u:p@127.0.0.1:1/d'
/** Ends the connections of all who work on this database, and waits for their end; the store is not told. */
const CUT_CONNECTIONS = `
  SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`

export async function openPostgresStore(
  url: string,
  options: Partial<PostgresOptions> = {},
): Promise<PostgresStore> {
  const warnings: string[] = []
  const onWarning = (text: string) => warnings.push(text)
  const engine = await openPostgresEngine(url, { onWarning, ...options })
  let appended = 0
  return {
    ...engine,
    url,
    warnings,
    // In their order: what is told at the same moment goes by several connections. Of every second one
    // it knows the body, as of what another thread of the same process has appended.
    async append(batches) {
      for (const batch of batches) {
        await engine.append(batch)
        if (appended++ % 2 === 0) engine.noteAppended(batch)
      }
    },
    archive: createArchive({
      inSnapshot: engine.inSnapshot,
      engine: 'postgres',
      now: options.now ?? Date.now,
      keysOf: (eventId) => [sampleKey(eventId)],
    }),
  }
}

/** As after the first opening. Making and migrating a database takes some thirty times as long. */
const EMPTY = `
  DO $$ DECLARE name TEXT; BEGIN
    SET LOCAL search_path = mailtrap_receiver;
    ALTER TABLE audit DISABLE TRIGGER audit_is_never_changed;
    FOR name IN SELECT tablename FROM pg_tables
      WHERE schemaname = 'mailtrap_receiver' AND tablename <> 'migrations'
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    ALTER TABLE audit ENABLE TRIGGER audit_is_never_changed;
    PERFORM setval(c.oid, 1, false) FROM pg_class c
      WHERE relkind = 'S' AND relnamespace = 'mailtrap_receiver'::regnamespace;
  END $$`

const urlOf = (store: ContractStore): string => (store as PostgresStore).url

/**
 * Each store has a database of its own on this server, which was emptied if another had it before;
 * `throughUrl` leads to it by another way. To be called where tests are described.
 */
export function createPostgresHarness(
  server: TestServer,
  throughUrl = server.warmUrl,
): StoreHarness {
  const direct = new Map<string, string>()
  const free: string[] = []
  afterAll(async () => {
    for (const url of free.splice(0)) await server.dropDatabase(url)
  })
  const directUrl = (store: ContractStore) => direct.get(urlOf(store)) ?? urlOf(store)

  const harness: StoreHarness = {
    keepsLeases: true,
    async open() {
      const url = free.pop() ?? (await server.createDatabase())
      direct.set(throughUrl(url), url)
      return openPostgresStore(throughUrl(url))
    },
    async reopen(store) {
      await store.close()
      return openPostgresStore(urlOf(store))
    },
    async crash(store) {
      // Who is killed lets nothing go: it finds no way to the database when it is closed.
      ;(store as PostgresStore).useUrl(NOWHERE)
      await server.execute(directUrl(store), CUT_CONNECTIONS)
      return harness.reopen(store)
    },
    async dispose(store) {
      await store.close()
      await server.execute(directUrl(store), EMPTY)
      free.push(directUrl(store))
    },
  }
  return harness
}

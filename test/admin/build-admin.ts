import { type AdminServerOptions, createAdminServer } from '../../src/admin/create-admin-server.ts'
import type { HandlerRegistration } from '../../src/model.ts'
import type { GuardianFigures } from '../../src/observe/figures.ts'
import {
  type HandlerHealth,
  type ObservedCounts,
  type Observer,
  REFUSAL_REASONS,
} from '../../src/observe/observer.ts'
import { createRecentMinutes } from '../../src/observe/recent-minutes.ts'
import type { ErasureReport, SpoolFigures } from '../../src/store/store.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { createMemoryArchive } from './memory-archive.ts'

type Noted =
  | ('adminFailed' | 'replayed' | 'discarded' | 'erased' | 'pruned')
  | ('handlerPaused' | 'pieceRequeued' | 'signedIn')
type Fact<Name extends Noted> = Parameters<Observer[Name]>[0]

/** An admin server over an archive in memory, with a clock to turn. Closes itself. */
export function buildAdmin(
  options: {
    password?: string
    trustProxy?: readonly string[]
    host?: string
    port?: number
    spool?: SpoolFigures
    guardian?: () => GuardianFigures
    verdict?: AdminServerOptions['verdict']
  } = {},
) {
  const clock = { now: Date.UTC(2026, 10, 21, 10, 0), elapsedMs: 0 }
  const archive = createMemoryArchive(() => clock.now)
  const handlers: HandlerRegistration[] = []
  const health: Record<string, HandlerHealth> = {}
  const failures: Fact<'adminFailed'>[] = []
  const replays: Fact<'replayed'>[] = []
  const discards: Fact<'discarded'>[] = []
  const erasures: Fact<'erased'>[] = []
  const prunings: Fact<'pruned'>[] = []
  const counts: { -readonly [Name in keyof ObservedCounts]: ObservedCounts[Name] } = {
    received: {},
    refused: noRefusals(),
    handlers: health,
  }
  const trail: Fact<'handlerPaused' | 'pieceRequeued' | 'signedIn'>[] = []
  const recent = createRecentMinutes(() => clock.now)
  const observer = {
    counts: () => counts,
    adminFailed: (fact: Fact<'adminFailed'>) => failures.push(fact),
    replayed: (fact: Fact<'replayed'>) => replays.push(fact),
    discarded: (fact: Fact<'discarded'>) => discards.push(fact),
    erased: (fact: Fact<'erased'>) => erasures.push(fact),
    pruned: (fact: Fact<'pruned'>) => prunings.push(fact),
    handlerPaused: (fact: Fact<'handlerPaused'>) => trail.push(fact),
    pieceRequeued: (fact: Fact<'pieceRequeued'>) => trail.push(fact),
    signedIn: (fact: Fact<'signedIn'>) => trail.push(fact),
    recent: recent.read,
  } as unknown as Observer

  /** What the work does and answers; a test may put in its own. */
  const work: {
    -readonly [Name in keyof AdminServerOptions['work']]: AdminServerOptions['work'][Name]
  } = {
    erase: async () => NOTHING_ERASED,
    prune: async () => 0,
    fill: async ({ events }) => ({ known: 0, missing: events.length, batch: 'batch-filled' }),
  }
  const settings: AdminServerOptions['settings'] = {
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    password: options.password,
    trustProxy: options.trustProxy ?? [],
  }
  const server = createAdminServer({
    archive,
    spool: options.spool && (async () => options.spool as SpoolFigures),
    work,
    observer,
    metrics: { contentType: 'text/plain', read: async () => 'webhook_backlog 0\n' },
    registrations: () => handlers,
    guardian: options.guardian,
    verdict: options.verdict ?? (async () => ({ causes: [] })),
    sources: () => [
      {
        name: 'mailtrap',
        provider: 'mailtrap',
        address: 'http://localhost:3000/webhooks/mailtrap',
      },
    ],
    newBatchId: () => 'batch-new',
    now: () => clock.now,
    elapsedMs: () => clock.elapsedMs,
    version: '1.2.3',
    store: 'sqlite:/data/receiver.db',
    settings,
  })
  onTestFinished(() => server.close())
  return {
    ...server,
    archive,
    work,
    clock,
    handlers,
    counts,
    health,
    failures,
    replays,
    discards,
    erasures,
    prunings,
    recent,
    trail,
  }
}

export const NOTHING_ERASED: ErasureReport = {
  events: 0,
  pieces: 0,
  errors: 0,
  files: 0,
  waiting: 0,
  isWiped: true,
}

export function makeHandler(name: string, keys: readonly string[] = ['*']): HandlerRegistration {
  return { name, module: `/srv/handlers/${name}.ts`, keys, takesBatches: false }
}

export function noRefusals(): ObservedCounts['refused'] {
  const entries = REFUSAL_REASONS.map((reason) => [reason, 0])
  return Object.fromEntries(entries) as ObservedCounts['refused']
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

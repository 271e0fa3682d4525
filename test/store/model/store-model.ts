import type { Batch, EventState, JobState, Outcome } from '../../../src/model.ts'
import type {
  BatchFacts,
  JobName,
  PruneRequest,
  UnpackedEvent,
  UnreadablePiece,
  Verdict,
} from '../../../src/store/store.ts'
import type { SampleEvent, SamplePart } from '../sample-rows.ts'

export interface ModelBatch {
  readonly batch: Batch
  readonly parts: readonly SamplePart[]
  /** Known once it was taken. */
  facts: BatchFacts | undefined
  unpackedPieces: number
  isOpen: boolean
  isHeld: boolean
  /** Whoever has it was killed: nobody else may let it go. */
  isOrphan: boolean
  hasBody: boolean
}

export interface ModelAttempt {
  /** Of a run: its openings, as many as there are by now. */
  readonly attempt: number | ModelRun
  readonly outcome: 'done' | 'retry' | 'dead'
  readonly error: string | undefined
}

/** A row of `jobs`. */
export interface ModelRow {
  state: JobState
  attempt: number
  spared: number
  isAlone: boolean
  readonly fences: number[]
  /** No end of its newest attempt is known. */
  isRunning: boolean
  isHeld: boolean
  isDue: boolean
  lastError: string | undefined
}

/** One event and one handler. */
export interface ModelJob {
  readonly event: ModelEvent
  readonly handler: string
  row: ModelRow | undefined
  /** The newest that has the event. */
  run: ModelRun | undefined
  attempts: ModelAttempt[]
}

export interface ModelRun {
  /** Known once it was handed out. */
  number: number | undefined
  readonly handler: string
  readonly batch: ModelBatch
  readonly bits: Map<ModelEvent, 'open' | 'done' | 'failed'>
  opened: number
  fence: number | undefined
  isHeld: boolean
  /** Whoever was handed it last has not given it back, and has not died as far as the store can know. */
  hasHolder: boolean
}

export interface ModelEvent {
  readonly id: number
  readonly event: UnpackedEvent
  readonly sample: SampleEvent
  readonly batch: ModelBatch
  verdict: Verdict
  readonly jobs: Map<string, ModelJob>
  isGone: boolean
}

export interface ModelKey {
  readonly event: number
  readonly receivedAt: number
  /** Its time was pruned: it may be known still. */
  isForgettable: boolean
}

/** What some claim gave out, however long ago. */
export type HandedOut =
  | { readonly run: ModelRun; readonly fence: number; readonly events: readonly ModelEvent[] }
  | { readonly job: ModelJob; readonly fence: number; readonly run?: undefined }

/** What a store on any engine holds, in the plainest form: lists and maps, one thing at a time. */
export interface StoreModel {
  /** True where leases are rows: they outlive the process that held them. */
  readonly keepsLeases: boolean
  batches: ModelBatch[]
  received: number
  readonly keys: Map<string, ModelKey>
  prunedThrough: number
  readonly events: Map<number, ModelEvent>
  runs: ModelRun[]
  quarantine: { readonly piece: UnreadablePiece; readonly batch: ModelBatch }[]
  duplicates: number
  readonly paused: Set<string>
  handedOut: HandedOut[]
  /** With which batches were taken last; a new process has a long one to begin with. */
  lastLeaseMs: number
}

const LONG_LEASE_MS = 60_000

export function createStoreModel(keepsLeases: boolean): StoreModel {
  return {
    keepsLeases,
    batches: [],
    received: 0,
    keys: new Map(),
    prunedThrough: 0,
    events: new Map(),
    runs: [],
    quarantine: [],
    duplicates: 0,
    paused: new Set(),
    handedOut: [],
    lastLeaseMs: LONG_LEASE_MS,
  }
}

export const jobsOf = (model: StoreModel): ModelJob[] =>
  [...model.events.values()].flatMap(({ jobs }) => [...jobs.values()])

const STATE_OF_BIT = { open: 'pending', done: 'done', failed: 'dead' } as const

/** Once a job has a row, it alone tells the state. */
export function stateOfJob({ event, row, run }: ModelJob): JobState {
  if (row) return row.state
  const bit = run?.bits.get(event)
  if (!bit) throw new Error(`event ${event.id} has neither a row nor a bit`)
  return STATE_OF_BIT[bit]
}

export function stateOf({ verdict, jobs }: ModelEvent): EventState {
  if (verdict !== 'dispatched') return verdict
  const states = [...jobs.values()].map(stateOfJob)
  return states.includes('pending') ? 'pending' : states.includes('dead') ? 'dead' : 'done'
}

export const openEvents = ({ bits }: ModelRun): ModelEvent[] =>
  [...bits].flatMap(([event, bit]) => (bit === 'open' ? [event] : []))

export function append(model: StoreModel, batch: Batch, parts: readonly SamplePart[]): void {
  if (model.batches.some((one) => one.batch.id === batch.id)) return
  const made = { batch, parts, facts: undefined, unpackedPieces: 0, isOpen: true }
  model.batches.push({ ...made, isHeld: false, isOrphan: false, hasBody: true })
  model.received++
}

export function addRun(
  model: StoreModel,
  batch: ModelBatch,
  { handler, events }: { readonly handler: string; readonly events: readonly ModelEvent[] },
): ModelRun {
  const run: ModelRun = {
    number: undefined,
    handler,
    batch,
    bits: new Map(events.map((event) => [event, 'open'])),
    opened: 0,
    fence: undefined,
    isHeld: false,
    hasHolder: false,
  }
  model.runs.push(run)
  for (const event of events) jobOf(event, handler).run = run
  return run
}

function jobOf(event: ModelEvent, handler: string): ModelJob {
  const job = event.jobs.get(handler) ?? {
    event,
    handler,
    row: undefined,
    run: undefined,
    attempts: [],
  }
  event.jobs.set(handler, job)
  return job
}

export function openRun(model: StoreModel, run: ModelRun, fence: number, isHeld: boolean): void {
  run.opened++
  run.fence = fence
  run.isHeld = isHeld
  run.hasHolder = true
  model.handedOut.push({ run, fence, events: openEvents(run) })
}

const newRow = (attempt: number, spared: number): ModelRow => ({
  state: 'pending',
  attempt,
  spared,
  isAlone: false,
  fences: [],
  isRunning: false,
  isHeld: false,
  isDue: true,
  lastError: undefined,
})

export function endInRun(run: ModelRun, event: ModelEvent, outcome: Outcome): void {
  if (run.bits.get(event) !== 'open') return
  const job = jobOf(event, run.handler)
  if (outcome.kind === 'done') {
    run.bits.set(event, 'done')
    job.attempts.push({ attempt: run, outcome: 'done', error: undefined })
  } else {
    run.bits.set(event, 'failed')
    job.row = newRow(run.opened, run.opened - 1)
    endRow(job, outcome)
  }
  if (openEvents(run).length === 0) run.isHeld = false
}

/** An opening after which the rest is given back does not count; who has died cannot give it back. */
export function giveBackRun(run: ModelRun): void {
  if (run.hasHolder && openEvents(run).length > 0) run.opened = Math.max(0, run.opened - 1)
  run.isHeld = false
  run.hasHolder = false
}

export function claimRow(job: ModelJob, fence: number, isHeld: boolean): ModelRow {
  const row = job.row
  if (!row) throw new Error('claimed without a row')
  if (row.isRunning) {
    row.lastError = 'interrupted'
    job.attempts.push({ attempt: row.attempt, outcome: 'retry', error: 'interrupted' })
  }
  row.attempt++
  row.fences.push(fence)
  row.isRunning = true
  row.isHeld = isHeld
  return row
}

/** True: it was taken. */
export function settleRow(job: ModelJob, fence: number, outcome: Outcome): boolean {
  const { row } = job
  if (!row?.isRunning || row.fences.at(-1) !== fence) return false
  endRow(job, outcome)
  return true
}

function endRow(job: ModelJob, outcome: Outcome): void {
  const row = job.row!
  row.isRunning = false
  row.isHeld = false
  row.isDue = outcome.kind !== 'retry' || outcome.delayMs === 0
  if (outcome.kind === 'released') {
    row.attempt--
    return
  }
  const error = outcome.kind === 'done' ? undefined : outcome.error
  const kind = outcome.kind === 'alone' ? 'retry' : outcome.kind
  job.attempts.push({ attempt: row.attempt, outcome: kind, error })
  if (outcome.kind === 'done' || outcome.kind === 'dead') row.state = outcome.kind
  row.isAlone = outcome.kind === 'alone'
  if (outcome.kind === 'alone' || (outcome.kind === 'retry' && outcome.isSpared)) row.spared++
  if (error !== undefined) row.lastError = error
}

/** Answers how many are pending again. */
export function replay(
  model: StoreModel,
  names: readonly JobName[],
  only?: 'done' | 'dead',
): number {
  const single = new Map(names.map((name) => [`${name.event} ${name.handler}`, name]))
  const groups = new Map<string, { handler: string; events: ModelEvent[] }>()
  let replayed = 0
  for (const { event: id, handler } of single.values()) {
    const event = model.events.get(Number(id))
    const job = event?.jobs.get(handler)
    const state = job && stateOfJob(job)
    if (!event || state === 'pending' || (only && state !== only)) continue
    replayed++
    event.verdict = 'dispatched'
    if (job?.row) {
      const lastError = job.row.state === 'done' ? undefined : job.row.lastError
      job.row = { ...newRow(0, 0), fences: job.row.fences, lastError }
      continue
    }
    const name = `${event.batch.batch.id} ${handler}`
    const group = groups.get(name) ?? { handler, events: [] }
    group.events.push(event)
    groups.set(name, group)
  }
  for (const { handler, events } of groups.values()) {
    const [event] = events
    events.sort((a, b) => a.id - b.id)
    if (events.length > 1) addRun(model, event!.batch, { handler, events })
    else jobOf(event!, handler).row = newRow(0, 0)
  }
  return replayed
}

export function removeEvent(model: StoreModel, event: ModelEvent): void {
  model.events.delete(event.id)
  event.isGone = true
  for (const run of model.runs) {
    run.bits.delete(event)
    if (openEvents(run).length === 0) run.isHeld = false
  }
}

const isPending = (job: ModelJob): boolean => stateOfJob(job) === 'pending'
const isDead = (job: ModelJob): boolean => stateOfJob(job) === 'dead'

/** Pruning to its end. `deadBefore` is not after `eventsBefore`. */
export function prune(model: StoreModel, request: PruneRequest): void {
  const { eventsBefore, deadBefore, keysBefore } = request
  model.quarantine = model.quarantine.filter(({ batch }) => batch.batch.receivedAt >= deadBefore)
  for (const event of [...model.events.values()]) {
    const jobs = [...event.jobs.values()]
    if (jobs.some(isPending)) continue
    const { receivedAt } = event.batch.batch
    if (
      jobs.some(isDead)
        ? receivedAt < deadBefore
        : !event.batch.hasBody && receivedAt < eventsBefore
    ) {
      removeEvent(model, event)
    }
  }
  for (const batch of model.batches) if (batch.batch.receivedAt < eventsBefore) empty(model, batch)
  const holding = new Set([
    ...[...model.events.values()].map(({ batch }) => batch),
    ...model.quarantine.map(({ batch }) => batch),
  ])
  const before = Math.min(eventsBefore, deadBefore)
  model.batches = model.batches.filter(
    (one) => one.hasBody || holding.has(one) || one.batch.receivedAt >= before,
  )
  for (const key of model.keys.values()) {
    if (key.receivedAt < keysBefore) key.isForgettable = true
  }
}

/** A batch of which nothing is pending goes, but for its dead jobs and their events. */
function empty(model: StoreModel, batch: ModelBatch): void {
  const events = [...model.events.values()].filter((event) => event.batch === batch)
  const jobs = events.flatMap((event) => [...event.jobs.values()])
  if (batch.isOpen || !batch.hasBody || jobs.some(isPending)) return
  batch.hasBody = false
  for (const event of events) {
    for (const [handler, job] of event.jobs) if (!isDead(job)) event.jobs.delete(handler)
    for (const job of event.jobs.values()) job.run = undefined
    if (event.jobs.size === 0) removeEvent(model, event)
  }
  for (const run of model.runs) if (run.batch === batch) run.bits.clear()
}

/** Events of batches that are unpacked whole. */
export function erase(model: StoreModel, address: string): void {
  for (const event of [...model.events.values()]) {
    if (!event.batch.isOpen && event.event.recipient === address) removeEvent(model, event)
  }
}

/** Its page was stored before: where leases are rows, whoever has it lets it go, in case that it was he. */
export function letGo({ keepsLeases }: StoreModel, batch: ModelBatch): void {
  if (keepsLeases && !batch.isOrphan) batch.isHeld = false
}

/** What was answered stays. Leases stay where they are rows. */
export function crash(model: StoreModel): void {
  model.lastLeaseMs = LONG_LEASE_MS
  for (const batch of model.batches) batch.isOrphan = batch.isHeld
  if (model.keepsLeases) return
  for (const batch of model.batches) batch.isHeld = false
  for (const run of model.runs) {
    run.isHeld = false
    run.hasHolder = false
  }
  for (const { row } of jobsOf(model)) if (row) row.isHeld = false
}

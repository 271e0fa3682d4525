import type {
  Batch,
  EventState,
  JobState,
  Outcome,
  SettledAttempt,
  UnpackedEvent,
  UnreadablePiece,
} from '../../../src/model.ts'
import type {
  ChunkReceipt,
  PruneRequest,
  TypeReceipt,
  UnpackedChunk,
} from '../../../src/store/store.ts'

export interface ModelBatch {
  readonly batch: Batch
  unpackedPieces: number
  isOpen: boolean
  isLeased: boolean
}

export interface ModelAttempt {
  readonly attempt: number
  readonly outcome: 'done' | 'retry' | 'dead'
  readonly durationMs: number
  readonly error: string | undefined
}

export interface ModelJob {
  readonly handler: string
  state: JobState
  attempt: number
  fence: number
  /** No outcome of the newest attempt is known. */
  isOpen: boolean
  /** May be claimed now: neither leased nor waiting for a retry. Of pending jobs only. */
  isDue: boolean
  /** The fence of the attempt that was handed out and has not ended; its lease may have. */
  running: number | undefined
  /** Failures, and what succeeded before a replay. */
  readonly record: ModelAttempt[]
  /** The one by which it is done. */
  success: readonly ModelAttempt[]
}

type Verdict = 'dispatched' | 'unhandled' | 'conflict' | 'stale'

export interface ModelEvent {
  readonly event: UnpackedEvent
  readonly from: ModelBatch
  /** What the store calls it; learned when it is first listed. */
  id: string | undefined
  verdict: Verdict
  readonly jobs: Map<string, ModelJob>
}

export interface ModelQuarantine {
  readonly piece: UnreadablePiece
  readonly from: ModelBatch
}

/** An attempt that some claim gave out, however long ago. */
export interface HandedOut {
  readonly of: ModelEvent
  readonly handler: string
  readonly attempt: number
  readonly fence: number
}

/** What a store on any engine holds, in the plainest form: lists and maps, one thing at a time. */
export interface StoreModel {
  /** True where leases are rows: they outlive the process that held them. */
  readonly keepsLeases: boolean
  batches: ModelBatch[]
  /** Every batch that was ever appended, forgotten ones included. */
  readonly everAppended: Batch[]
  received: number
  keys: Map<string, { digest: string; receivedAt: number }>
  keysPrunedThrough: number
  /** In the order in which they were stored. */
  events: ModelEvent[]
  quarantine: ModelQuarantine[]
  duplicates: number
  readonly handedOut: HandedOut[]
}

export function createStoreModel(keepsLeases: boolean): StoreModel {
  return {
    keepsLeases,
    batches: [],
    everAppended: [],
    received: 0,
    keys: new Map(),
    keysPrunedThrough: 0,
    events: [],
    quarantine: [],
    duplicates: 0,
    handedOut: [],
  }
}

export function stateOf({ verdict, jobs }: ModelEvent): EventState {
  if (verdict !== 'dispatched') return verdict
  const states = [...jobs.values()].map(({ state }) => state)
  return states.includes('pending') ? 'pending' : states.includes('dead') ? 'dead' : 'done'
}

export const jobsOf = (model: StoreModel): ModelJob[] =>
  model.events.flatMap(({ jobs }) => [...jobs.values()])

const newJob = (handler: string): ModelJob => ({
  handler,
  state: 'pending',
  attempt: 0,
  fence: 0,
  isOpen: false,
  isDue: true,
  running: undefined,
  record: [],
  success: [],
})

export function append(model: StoreModel, batch: Batch): void {
  if (model.batches.some((one) => one.batch.id === batch.id)) return
  model.batches.push({ batch, unpackedPieces: 0, isOpen: true, isLeased: false })
  model.received++
}

export function commitChunk(model: StoreModel, chunk: UnpackedChunk): ChunkReceipt | undefined {
  const found = model.batches.find(({ batch }) => batch.id === chunk.batch)
  if (!found?.isOpen || found.unpackedPieces !== chunk.fromPiece) return undefined
  const receipt = { stored: 0, duplicates: 0, conflicts: 0, stale: 0, quarantined: 0 }
  const types: { -readonly [Name in keyof TypeReceipt]: TypeReceipt[Name] }[] = []
  for (const event of chunk.events) {
    const verdict = judge(model, event, found.batch.receivedAt)
    for (const counts of [receipt, ofType(types, event.type)]) {
      if (!verdict) counts.duplicates++
      else if (verdict === 'conflict') counts.conflicts++
      else counts.stored++
      if (verdict === 'stale') counts.stale++
    }
    if (!verdict) continue
    const handlers = verdict === 'dispatched' ? event.handlers : []
    const jobs = new Map(handlers.map((handler) => [handler, newJob(handler)]))
    model.events.push({ event, from: found, id: undefined, verdict, jobs })
  }
  for (const piece of chunk.unreadable) {
    model.quarantine.push({ piece, from: found })
    receipt.quarantined += piece.pieces
  }
  model.duplicates += receipt.duplicates
  found.unpackedPieces = chunk.toPiece
  found.isOpen = !chunk.isLast
  return { ...receipt, types }
}

function ofType<Counts extends TypeReceipt>(types: Counts[], type: string): Counts {
  const found = types.find((counts) => counts.type === type)
  if (found) return found
  const made = { type, stored: 0, duplicates: 0, conflicts: 0, stale: 0 } as Counts
  types.push(made)
  return made
}

/** Remembers the event's key; undefined for a duplicate. */
function judge(model: StoreModel, event: UnpackedEvent, receivedAt: number): Verdict | undefined {
  const known = model.keys.get(event.key)
  if (known?.digest === event.digest) return undefined
  const key = known ? `${event.key}~${event.digest}` : event.key
  if (model.keys.has(key)) return undefined
  model.keys.set(key, { digest: event.digest, receivedAt })
  if (known) return 'conflict'
  if ((event.occurredAt ?? Infinity) < model.keysPrunedThrough) return 'stale'
  return event.handlers.length > 0 ? 'dispatched' : 'unhandled'
}

/** True: it was taken. */
export function settle(model: StoreModel, { of, handler }: HandedOut, ended: SettledAttempt) {
  const job = model.events.includes(of) ? of.jobs.get(handler) : undefined
  const { attempt, fence, outcome, durationMs } = ended
  if (!job?.isOpen || job.fence !== fence || job.attempt !== attempt) return false
  job.isOpen = false
  job.running = undefined
  job.isDue = isDueAfter(outcome)
  if (outcome.kind === 'released') job.attempt--
  else if (outcome.kind === 'done') {
    job.success = [{ attempt, outcome: 'done', durationMs, error: undefined }]
  } else job.record.push({ attempt, outcome: outcome.kind, durationMs, error: outcome.error })
  if (outcome.kind === 'done' || outcome.kind === 'dead') job.state = outcome.kind
  return true
}

function isDueAfter(outcome: Outcome): boolean {
  return outcome.kind === 'released' || (outcome.kind === 'retry' && outcome.delayMs === 0)
}

export function replay(
  model: StoreModel,
  named: readonly { readonly of: ModelEvent; readonly handler: string }[],
  only: 'done' | 'dead' | undefined,
): number {
  let replayed = 0
  for (const { of, handler } of named) {
    const job = of.jobs.get(handler)
    if (!model.events.includes(of) || job?.state === 'pending') continue
    if (only && job?.state !== only) continue
    const { record = [], success = [], fence = 0 } = job ?? {}
    of.jobs.set(handler, { ...newJob(handler), record: [...record, ...success], fence })
    if (!job) of.verdict = 'dispatched'
    replayed++
  }
  return replayed
}

/** Answers how many rows of whatever kind are gone. */
export function prune(model: StoreModel, request: PruneRequest): number {
  const { eventsBefore, deadBefore, keysBefore } = request
  const rows = () =>
    model.events.length + model.keys.size + model.quarantine.length + model.batches.length
  const before = rows()
  model.events = model.events.filter((one) => {
    const isOld = one.from.batch.receivedAt < eventsBefore
    const isKeptDead = hasDeadJob(one) && one.from.batch.receivedAt >= deadBefore
    return !isOld || isKeptDead || stateOf(one) === 'pending'
  })
  for (const [key, { receivedAt }] of model.keys) {
    if (receivedAt >= keysBefore) continue
    model.keys.delete(key)
    model.keysPrunedThrough = Math.max(model.keysPrunedThrough, receivedAt)
  }
  model.quarantine = model.quarantine.filter(({ from }) => from.batch.receivedAt >= deadBefore)
  const batchesBefore = Math.min(eventsBefore, deadBefore)
  model.batches = model.batches.filter(
    ({ batch, isOpen }) => isOpen || batch.receivedAt >= batchesBefore,
  )
  return before - rows()
}

const hasDeadJob = ({ jobs }: ModelEvent): boolean =>
  [...jobs.values()].some(({ state }) => state === 'dead')

/** What was answered stays. Leases stay where they are rows. */
export function crash(model: StoreModel): void {
  if (model.keepsLeases) return
  for (const batch of model.batches) batch.isLeased = false
  for (const job of jobsOf(model)) {
    if (job.running === undefined) continue
    job.running = undefined
    job.isDue = true
  }
}

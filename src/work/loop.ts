import type { Lanes } from '../dispatch/lanes.ts'
import { ReceiverError } from '../errors.ts'
import type { StoreHint, Work, WorkStore } from '../store/store.ts'
import type { Claims } from './claims.ts'
import type { Health } from './health.ts'
import { type Pace, POLL_MS, RoomWait, Turns } from './turns.ts'
import type { PreparedPage, Unpacker } from './unpacker.ts'

export interface LoopParts {
  readonly store: WorkStore
  readonly lanes: Lanes
  readonly unpacker: Unpacker
  readonly claims: Claims
  readonly health: Health
  readonly leaseMs: number
  readonly pace: Pace
  /**
   * Acknowledges what waits to be kept; answers whether there was anything. Where the store is a
   * server, acknowledging is not the loop's affair.
   */
  readonly keepWaiting: () => boolean
  /** One thing that somebody asked of the store; answers whether there was any. */
  readonly serve: () => Promise<boolean>
  /** One bounded step of work that nobody waits for; answers whether there is more. */
  readonly tidy: () => boolean
}

/** Of a page that comes while requests are acknowledged: more of them are on their way, and wait for it. */
const BUSY_SHARE = 0.2
/** Runs that nobody here knows of are looked for so often. */
const POLLS_PER_SEARCH = 10

type Ended = Pick<Work, 'progress' | 'jobs'>
const NOTHING_ENDED: Ended = { progress: [], jobs: [] }

/**
 * Everything behind the acknowledgements, in turns: keep what waits, unpack a page, record what has
 * ended, hand out. One turn takes a few milliseconds, so that an acknowledgement waits for one at the
 * most. Of the turns under way at once one prepares, one records outcomes and one claims; the pages
 * of all of them are stored at the same time.
 */
export class Loop {
  readonly #parts: LoopParts
  readonly #turns: Turns
  readonly #roomWait = new RoomWait(() => this.wake())
  /** Since the last page. */
  #hasAcknowledged = false
  #isPreparing = false
  #isRecording = false
  #isStopping = false
  /** What was in our hands then is ours for a lease from then on, and so is what came later. */
  #securedAt = performance.now()
  #pollTimer: NodeJS.Timeout | undefined
  #leaseTimer: NodeJS.Timeout | undefined
  #stopHints = () => {}

  constructor(parts: LoopParts) {
    const { health, unpacker, pace } = parts
    this.#parts = parts
    this.#turns = new Turns({
      turn: () => this.#turn(),
      onFailure: (error) => health.failed(error),
      atOnce: () => (unpacker.isCareful ? 1 : pace.turnsAtOnce),
    })
  }

  start(): void {
    const { store, unpacker, lanes, claims, leaseMs, health } = this.#parts
    this.#stopHints = store.onHint((hint) => this.hear(hint))
    this.#leaseTimer = setInterval(() => void this.#extend().catch(health.failed), leaseMs / 3)
    let polls = 0
    this.#pollTimer = setInterval(() => {
      // Whatever was not noticed is found so.
      if (++polls % POLLS_PER_SEARCH === 0) claims.lookForWork()
      else lanes.wake()
      unpacker.lookAgain()
      this.wake()
    }, POLL_MS)
    claims.lookForWork()
    this.#turns.start()
  }

  /** There may be something to do. */
  wake(): void {
    this.#turns.wake()
  }

  /** The store may have something that nobody here knows of. */
  hear(hint: StoreHint): void {
    const { unpacker, claims, health } = this.#parts
    if (hint === 'erased') return void this.dropErased().catch(health.failed)
    if (hint === 'batches') unpacker.lookAgain()
    else claims.lookForWork()
    this.wake()
  }

  /** Resolves when no handler can begin with an event any more that was erased before this call. */
  async dropErased(): Promise<void> {
    const { store, lanes } = this.#parts
    // What was read before it was erased may not be handed yet.
    await this.#turns.ended()
    await lanes.drop((events) => store.findGone(events))
  }

  /** Unpacks and claims nothing more; outcomes are still recorded. */
  beginStop(): void {
    this.#isStopping = true
  }

  /** Records the last outcomes, and ends. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#roomWait.stop()
    clearInterval(this.#leaseTimer)
    clearInterval(this.#pollTimer)
    this.#stopHints()
    await this.#turns.stop()
    this.#parts.keepWaiting()
    await this.#record().catch((error: unknown) => this.#parts.health.failed(error))
  }

  /** Whoever asks is answered also while nothing can be recorded: the same disk may refuse it, and that is said. */
  async #turn(): Promise<boolean> {
    try {
      return await this.#doAll()
    } catch (error) {
      while (await this.#parts.serve());
      throw error
    }
  }

  /** Answers whether there was anything to do. */
  async #doAll(): Promise<boolean> {
    const { serve, tidy, health, pace } = this.#parts
    this.#acknowledge()
    const share = this.#hasAcknowledged ? BUSY_SHARE : 1
    this.#hasAcknowledged = false
    const hasStored = await this.#record(pace.pageEvents * share)
    this.#acknowledge()
    const hasHanded = await this.#handOut()
    const hasServed = await serve()
    this.#acknowledge()
    const isTidying = tidy()
    if (hasStored) health.succeeded()
    return this.#hasAcknowledged || hasStored || hasHanded || hasServed || isTidying
  }

  #acknowledge(): void {
    if (this.#parts.keepWaiting()) this.#hasAcknowledged = true
  }

  /** A page and what has ended, in one transaction. Answers whether there was anything. */
  async #record(events = 0): Promise<boolean> {
    const { unpacker, claims } = this.#parts
    const prepared = await this.#prepare(events)
    const ended = this.#takeEnded()
    const hasEnded = ended !== NOTHING_ENDED
    if (prepared.length === 0 && !hasEnded) return false
    claims.notePrepared(prepared)
    // What comes next is prepared while this is stored.
    this.wake()
    try {
      // After a failure each by itself: what cannot be stored must not keep the rest from it.
      if (unpacker.isCareful && hasEnded) await this.#commit([], ended)
      await this.#commit(prepared, unpacker.isCareful ? NOTHING_ENDED : ended)
      return true
    } catch (error) {
      await this.#giveBack(prepared, error)
      throw error
    } finally {
      if (hasEnded) this.#isRecording = false
    }
  }

  async #prepare(events: number): Promise<readonly PreparedPage[]> {
    const { unpacker, lanes } = this.#parts
    if (this.#isStopping || this.#isPreparing) return []
    const names = lanes.registrations().map(({ name }) => name)
    if (this.#roomWait.isDue(unpacker.hasRoom(names, events), performance.now())) return []
    this.#isPreparing = true
    try {
      return await unpacker.prepare(events)
    } finally {
      this.#isPreparing = false
    }
  }

  /** Nothing, as long as what was taken before is not recorded. */
  #takeEnded(): Ended {
    if (this.#isRecording) return NOTHING_ENDED
    const ended = this.#parts.lanes.takeEnded()
    this.#isRecording = ended.progress.length + ended.jobs.length > 0
    return this.#isRecording ? ended : NOTHING_ENDED
  }

  async #commit(prepared: readonly PreparedPage[], ended: Ended): Promise<void> {
    const { store, lanes, unpacker, claims } = this.#parts
    if (prepared.length + ended.progress.length + ended.jobs.length === 0) return
    const pages = prepared.map(({ page }) => page)
    const receipt = await store.commit({ pages, ...ended })
    if (ended !== NOTHING_ENDED) {
      lanes.recorded()
      claims.noteEnded(ended, () => this.wake())
    }
    await unpacker.settle(prepared, receipt.pages, (runs) => lanes.hand(runs))
    unpacker.release(prepared)
    claims.notePrepared(prepared)
    claims.noteStored(receipt.pages)
  }

  /** A store that writes and yet cannot take a batch has trouble with that batch alone: it waits. */
  async #giveBack(prepared: readonly PreparedPage[], error: unknown): Promise<void> {
    const { store, unpacker } = this.#parts
    const isFull = error instanceof ReceiverError && error.code === 'store_full'
    const isDown = isFull || (await isFailing(() => store.probe()))
    unpacker.giveBack(prepared, { isToBlame: !isDown })
  }

  async #handOut(): Promise<boolean> {
    const { claims, lanes, leaseMs } = this.#parts
    if (this.#isStopping || claims.isUnderWay) return false
    // A store that was away longer than a lease would hand out again what is still in our hands.
    const isSecure = performance.now() - this.#securedAt < (2 * leaseMs) / 3
    if (!isSecure && lanes.wants().length > 0) await this.#extend()
    return await claims.handOut()
  }

  async #extend(): Promise<void> {
    const { store, lanes, unpacker, leaseMs } = this.#parts
    const beganAt = performance.now()
    await store.extend({ batches: unpacker.held(), ...lanes.held() }, leaseMs)
    this.#securedAt = beganAt
  }
}

async function isFailing(probe: () => unknown): Promise<boolean> {
  try {
    await probe()
    return false
  } catch {
    return true
  }
}

import { randomUUID } from 'node:crypto'
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ageOf,
  describeOverrun,
  kindOf,
  machineMs,
  PROGRESS,
  SLOT_BYTES,
} from '../channel-frames.ts'
import type { EndKind } from './judge-end.ts'
import type { PageLedger } from './page-ledger.ts'

const ZEROS = new Uint8Array(SLOT_BYTES)
/** Where a root that cannot be written to has room all the same. */
const SHARED_MEMORY = '/dev/shm'
const SOONEST_MS = 20
const LATEST_MS = 250
/** This much too late, the machine or this process stood still, and so may have the child. */
const LATE_MS = 1_000

/** The parent's end of a child's progress file; see `channel-frames.ts`. */
export class ProgressFile {
  readonly fd: number
  readonly #usedSlots = new Set<number>()
  #isClosed = false

  /** @throws Error when there is no place for the file. */
  constructor() {
    this.fd = openNameless(tmpdir()) ?? openNameless(SHARED_MEMORY) ?? openIn(tmpdir())
  }

  /** The entries of a slot's first `size` events. What a child has cut off counts as nothing begun. */
  readSlot(slot: number, size: number): Uint32Array {
    const entries = new Uint32Array(size)
    if (!this.#isClosed) readSync(this.fd, entries, 0, entries.byteLength, slot * SLOT_BYTES)
    return entries
  }

  /** For a page that is to have it: the one before has left its entries there. */
  clearSlot(slot: number): void {
    if (this.#usedSlots.has(slot) && !this.#isClosed) {
      writeSync(this.fd, ZEROS, 0, SLOT_BYTES, slot * SLOT_BYTES)
    }
    this.#usedSlots.add(slot)
  }

  close(): void {
    if (!this.#isClosed) closeSync(this.fd)
    this.#isClosed = true
  }
}

export interface ProgressWatching {
  readonly ledger: PageLedger
  readonly file: ProgressFile
  /** How long an attempt may go on, or a process be silent that has events and runs none. */
  readonly timeoutMs: number
  /** How long after that it may still say so. */
  readonly graceMs: number
  readonly kill: (reason: string, kind: EndKind) => void
}

/** Looks now and then, while events are in a process's hands, how far it is with them. */
export class ProgressWatch {
  readonly #watching: ProgressWatching
  #timer: NodeJS.Timeout | undefined
  #dueAt = 0
  #heardAt = 0
  /** Of all entries that were seen last. */
  #sum = 0

  constructor(watching: ProgressWatching) {
    this.#watching = watching
  }

  /** To be called when a page is handed over. */
  arm(): void {
    if (this.#timer === undefined) this.#wait(LATEST_MS)
  }

  /** The process has said something. */
  noteWord(): void {
    this.#heardAt = machineMs()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #wait(ms: number): void {
    const waitMs = Math.min(LATEST_MS, Math.max(SOONEST_MS, ms))
    this.#dueAt = machineMs() + waitMs
    this.#timer = setTimeout(() => this.#look(), waitMs)
  }

  #look(): void {
    this.#timer = undefined
    const { ledger, timeoutMs, graceMs, kill } = this.#watching
    const [first] = ledger.pages()
    if (first === undefined) return
    const now = machineMs()
    const oldestMs = this.#findOldest(now)
    const runsAny = oldestMs >= 0
    const quietMs = now - Math.max(first.handedAt, this.#heardAt)
    const leftMs = timeoutMs + graceMs - (runsAny ? oldestMs : quietMs)
    // Once more: it may be about to tell.
    if (leftMs > 0 || now - this.#dueAt > LATE_MS) return this.#wait(leftMs)
    if (runsAny) kill(`an attempt ${describeOverrun(timeoutMs)} and did not end`, 'overrun')
    else kill('it did not take its jobs', 'stopped')
  }

  /** Answers how long the attempt that runs longest has been under way; -1: none is. */
  #findOldest(now: number): number {
    const { ledger, file } = this.#watching
    let oldestMs = -1
    let sum = 0
    for (const page of ledger.pages()) {
      let hasBegun = page.left < page.size
      const entries = file.readSlot(page.slot, page.size)
      for (let index = 0; index < page.size; index++) {
        const entry = entries[index] as number
        if (entry === PROGRESS.waiting) continue
        hasBegun = true
        sum += entry
        if (kindOf(entry) !== PROGRESS.started || page.ended[index] !== 0) continue
        oldestMs = Math.max(oldestMs, ageOf(entry, now))
      }
      // They are begun in order.
      if (!hasBegun) break
    }
    if (sum !== this.#sum) this.#heardAt = now
    this.#sum = sum
    return oldestMs
  }
}

function openNameless(folder: string): number | undefined {
  try {
    return openIn(folder)
  } catch {
    return undefined
  }
}

function openIn(folder: string): number {
  const path = join(folder, `handler-progress-${randomUUID()}`)
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
  unlinkSync(path)
  return fd
}

import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { machineMs, showDuration } from '../channel-frames.ts'
import type { ChildFrame, LoadFailure, ReadyFacts } from '../child-frame.ts'
import { ChildPipes } from './child-pipes.ts'
import { describeEnd, type EndKind, judgeCrash, judgeEnd } from './judge-end.ts'
import { orderFrame, pageFrame } from './page-frame.ts'
import { type FrameMeans, PageLedger, type Portion, type PortionEnd } from './page-ledger.ts'
import type { ProcessListener } from './process-listener.ts'
import { killGroup, killMarked, type ProcessSettings, spawnHost } from './spawn-host.ts'
import { watchLoading, watchMemory } from './watch-child.ts'
import { ProgressFile, ProgressWatch } from './watch-progress.ts'

/** Beyond the timeout of the last attempt, for a process that was asked to stop. */
const MAX_FAREWELL_MS = 5_000

/** One child process that runs one handler module, from its start to its end. */
export class HandlerProcess {
  readonly #settings: ProcessSettings
  readonly #listener: ProcessListener
  readonly #mark = randomUUID()
  readonly #ledger = new PageLedger()
  #pid: number | undefined
  #file: ProgressFile | undefined
  #watch: ProgressWatch | undefined
  #pipes: ChildPipes | undefined
  #stopLoading = () => {}
  #stopWatching = () => {}
  #ageTimer: NodeJS.Timeout | undefined
  #eventsLeft: number
  /** Those who wait until it has given back what it had not begun. */
  readonly #recalls: (() => void)[] = []
  #isReady = false
  #hasAborted = false
  #isStopping = false
  /** Why it has ended, or is about to. */
  #endReason: string | undefined
  #endKind: EndKind = 'crash'
  #ending: string | undefined
  #failure: LoadFailure | undefined

  constructor(settings: ProcessSettings, listener: ProcessListener) {
    this.#settings = settings
    this.#listener = listener
    this.#eventsLeft = settings.limits.maxEvents
    const fail = ({ message }: Error) => this.#end(`it could not be started: ${message}`)
    try {
      this.#file = new ProgressFile()
      const child = spawnHost(settings, { mark: this.#mark, progressFd: this.#file.fd }, fail)
      if (child?.pid !== undefined) this.#connect(child, child.pid, this.#file)
    } catch (error) {
      queueMicrotask(() => fail(error as Error))
    }
  }

  /** In its hands. */
  get pages(): number {
    return this.#ledger.size
  }

  /** False when it ends, or is about to. */
  get isTaking(): boolean {
    return this.#isReady && !this.#isStopping && this.#endReason === undefined
  }

  /** Whether it takes a page now. */
  get hasRoom(): boolean {
    return this.isTaking && !this.#ledger.isFull && this.#pipes?.isFull === false
  }

  hand(portions: readonly Portion[]): void {
    const page = this.#ledger.hand(portions, machineMs())
    try {
      this.#file?.clearSlot(page.slot)
    } catch (error) {
      // Without it nobody could tell what was under way.
      this.kill(`its progress file cannot be written: ${(error as Error).message}`)
    }
    this.#pipes?.send(pageFrame(page))
    this.#watch?.arm()
  }

  /** Gives back what has not started, lets the rest finish, then exits. */
  stop(): void {
    if (this.#isStopping || this.#endReason !== undefined) return
    this.#isStopping = true
    if (!this.#isReady) return this.kill('it was still loading')
    const { handler, limits } = this.#settings
    const farewellMs = handler.timeoutMs + limits.graceMs + MAX_FAREWELL_MS
    clearTimeout(this.#ageTimer)
    this.#ageTimer = setTimeout(() => this.kill('it did not stop'), farewellMs)
    this.#pipes?.send([orderFrame({ stop: true })])
  }

  /** Resolves when it has given back what it had not begun, or has ended. */
  recall(): Promise<void> {
    if (this.#ledger.isEmpty) return Promise.resolve()
    this.#pipes?.send([orderFrame({ recall: true })])
    return new Promise((resolve) => this.#recalls.push(resolve))
  }

  /** Aborts the signals of the attempts that run. */
  abort(): void {
    this.#hasAborted = true
    this.#pipes?.send([orderFrame({ abort: true })])
  }

  /** Ends it and whatever it started, at once. */
  kill(reason: string, kind: EndKind = 'crash'): void {
    if (this.#pid === undefined || this.#endReason !== undefined) return
    this.#endReason = reason
    this.#endKind = kind
    killGroup(this.#pid)
  }

  #connect(child: ChildProcess, pid: number, file: ProgressFile): void {
    this.#pid = pid
    child.once('exit', (code, by) => void this.#close(by ? `signal ${by}` : `exit code ${code}`))
    child.on('error', () => {})
    this.#pipes = new ChildPipes(child, {
      ...this.#listener,
      onFrame: (frame) => this.#take(frame, pid),
      onLine: (line) => this.#listener.onLine(this.#ledger.attribute(line)),
      onFault: (reason) => this.kill(reason),
    })
    const { tellsCode = false, handler } = this.#settings
    const { concurrency, timeoutMs, builtIn } = handler
    this.#pipes.send([orderFrame({ begin: { concurrency, timeoutMs, builtIn, tellsCode } })])
    this.#watchAll(pid, file)
  }

  #watchAll(pid: number, file: ProgressFile): void {
    const { handler, limits } = this.#settings
    const tooLong = `It did not load within ${showDuration(limits.loadTimeoutMs)}.`
    this.#stopLoading = watchLoading({
      pid,
      limitMs: limits.loadTimeoutMs,
      onLong: () => this.#listener.onLoadingLong(),
      onTimeUp: () => this.#fail({ kind: 'load', problems: [tooLong] }),
    })
    this.#watch = new ProgressWatch({
      ledger: this.#ledger,
      file,
      timeoutMs: handler.timeoutMs,
      graceMs: limits.graceMs,
      kill: (reason, kind) => this.kill(reason, kind),
    })
    this.#stopWatching = watchMemory({
      pid,
      limitBytes: handler.maxHeapBytes + limits.memoryMarginBytes,
      marginBytes: limits.memoryMarginBytes,
      onGrown: () => this.#isReady && this.stop(),
      onTooMuch: (bytes) => this.kill(`it held ${Math.round(bytes / 1e6)} MB of memory`),
    })
  }

  #take(frame: ChildFrame, pid: number): void {
    const { ending, failed, ready, code } = frame
    this.#watch?.noteWord()
    if (code) this.#listener.onCode(code, ready !== undefined)
    if (ending) this.#ending ??= ending
    if (failed && !this.#isReady) this.#fail(failed)
    if (ready && !this.#isReady && this.#endReason === undefined) this.#welcome(ready, pid)
    this.#ledger.take(frame, this.#means)
    this.#tell()
    const answered = this.#recalls.splice(0, frame.recalled ?? 0)
    // With nothing in its hands it can begin nothing, even if it never answers.
    if (this.#ledger.isEmpty) answered.push(...this.#recalls)
    for (const resolve of answered) resolve()
  }

  get #means(): FrameMeans {
    const mayReturn = this.#isStopping || this.#recalls.length > 0
    return { readSlot: this.#readSlot, hasAborted: this.#hasAborted, mayReturn }
  }

  #welcome(facts: ReadyFacts, pid: number): void {
    this.#stopLoading()
    this.#isReady = true
    const problem = this.#listener.onReady(facts, pid)
    if (problem !== undefined) {
      this.#isReady = false
      return this.#fail({ kind: 'invalid', problems: [problem] })
    }
    this.#ageTimer ??= setTimeout(() => this.stop(), this.#settings.limits.maxAgeMs)
  }

  readonly #readSlot = (slot: number, size: number): Uint32Array =>
    this.#file?.readSlot(slot, size) ?? new Uint32Array(size)

  #tell(): readonly PortionEnd[] {
    const ends = this.#ledger.takeEnds()
    if (ends.length === 0) return ends
    for (const { done, failed } of ends) this.#eventsLeft -= done.length + failed.length
    this.#listener.onEnds(ends)
    if (this.#eventsLeft <= 0) this.stop()
    return ends
  }

  #fail(failure: LoadFailure): void {
    this.#failure = failure
    this.kill(failure.problems.join(' '))
  }

  async #close(exit: string): Promise<void> {
    const endedAt = machineMs()
    this.#endReason ??= exit
    this.#stopLoading()
    this.#stopWatching()
    this.#watch?.stop()
    if (this.#pid !== undefined) killGroup(this.#pid)
    const strays = killMarked(this.#mark)
    await this.#pipes?.close()
    await strays
    this.#end(this.#endReason, endedAt)
  }

  #end(reason: string, endedAt = machineMs()): void {
    const known = this.#ending ?? reason
    judgeEnd({
      ...this.#means,
      ledger: this.#ledger,
      kind: this.#endKind,
      reason: known,
      timeoutMs: this.#settings.handler.timeoutMs,
      endedAt: Math.round(endedAt),
    })
    this.#file?.close()
    clearTimeout(this.#ageTimer)
    const ends = this.#tell()
    for (const resolve of this.#recalls.splice(0)) resolve()
    this.#listener.onExit({
      pid: this.#isReady ? this.#pid : undefined,
      reason,
      isPlanned: this.#isStopping,
      failure: this.#isReady
        ? undefined
        : (this.#failure ?? { kind: 'load', problems: [describeEnd(known)] }),
      ...judgeCrash(ends),
    })
  }
}

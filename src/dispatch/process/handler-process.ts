import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Duplex, Readable } from 'node:stream'
import type { ClaimedJob } from '../../model.ts'
import {
  type ChildFrame,
  type LoadFailure,
  type ReadyFacts,
  toTokenJob,
} from '../channel-frames.ts'
import type { AttemptResult } from '../retry-policy.ts'
import { showDuration } from '../show-duration.ts'
import { captureOutput } from './capture-output.ts'
import { killGroup, killMarked } from './end-process-tree.ts'
import { blameFirst, type EndedJob, endJob, releaseJob, suspectJobs } from './ended-job.ts'
import { FrameWriter, readFrames } from './frames.ts'
import { JobDeadline } from './job-deadline.ts'
import { type HandedJob, JobLedger, type StartedJob } from './job-ledger.ts'
import { createLineBudget } from './line-budget.ts'
import { type ProcessSettings, spawnHost, whenClosed } from './spawn-host.ts'
import { watchMemory } from './watch-memory.ts'

const LINES_PER_SECOND = 1_000
/** How long a process may outlive its channel. */
const MAX_MUTE_MS = 2_000

export interface OutputLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly text: string
  readonly fields?: Readonly<Record<string, unknown>> | undefined
}

export interface ProcessListener {
  /** Answers why a handler with these facts cannot be used; undefined when it can. */
  onReady(facts: ReadyFacts, pid: number): string | undefined
  onJobsEnded(jobs: readonly EndedJob[]): void
  onLine(line: OutputLine): void
  onLinesDropped(lines: number): void
  /** It holds too much memory and had better be replaced. */
  onGrown(residentBytes: number): void
  /** Its last call, when every job has been ended. */
  onExit(reason: string, failure: LoadFailure | undefined): void
}

/** One child process that runs one handler module, from its start to its end. */
export class HandlerProcess {
  readonly #settings: ProcessSettings
  readonly #listener: ProcessListener
  readonly #now: () => number
  readonly #mark = randomUUID()
  readonly #pid: number | undefined
  readonly #ledger = new JobLedger()
  readonly #lines
  readonly #deadline: JobDeadline
  #writer: FrameWriter | undefined
  #finishReading: (() => void)[] = []
  #stopWatching = () => {}
  #loadTimer: NodeJS.Timeout | undefined
  #muteTimer: NodeJS.Timeout | undefined
  #isReady = false
  #hasStartedJobs = false
  #hasAborted = false
  #isStopping = false
  #killReason: string | undefined
  #ending: string | undefined
  #failure: LoadFailure | undefined
  /** What becomes of jobs that run when the process ends. Undefined: one of them may have ended it. */
  #judge: ((job: StartedJob) => AttemptResult) | undefined

  constructor(settings: ProcessSettings, listener: ProcessListener, now: () => number) {
    this.#settings = settings
    this.#listener = listener
    this.#now = now
    this.#lines = createLineBudget(LINES_PER_SECOND, (lines) => listener.onLinesDropped(lines))
    this.#deadline = new JobDeadline({
      ledger: this.#ledger,
      limitMs: settings.timeoutMs + settings.graceMs,
      now,
      onOverrun: () => this.#killOverrun(),
      onSilence: () => this.kill('it did not take its jobs', () => ({ kind: 'released' })),
    })
    const child = spawnHost(settings, this.#mark, ({ message }) =>
      this.#end(`it could not be started: ${message}`),
    )
    this.#pid = child?.pid
    if (child?.pid !== undefined) this.#connect(child, child.pid)
  }

  /** Jobs in its hands. */
  get jobs(): number {
    return this.#ledger.size
  }

  /** Size of their payloads. */
  get bytes(): number {
    return this.#ledger.bytes
  }

  handedJobs(): Iterable<HandedJob> {
    return this.#ledger.jobs()
  }

  /** `isAlone`: each while no other runs. */
  run(jobs: readonly ClaimedJob[], isAlone = false): void {
    const now = this.#now()
    this.#writer?.run(jobs.map((job) => toTokenJob(job, this.#ledger.hand(job, now), isAlone)))
    this.#deadline.arm()
  }

  /** Gives back what has not started, lets the rest finish, then exits. */
  stop(): void {
    if (!this.#isReady) return this.kill('it was still loading')
    this.#isStopping = true
    this.#takeBack(this.#writer?.takeUnsent() ?? [])
    this.#writer?.send({ stop: true })
  }

  /** Aborts the signals of the attempts that run. */
  abort(): void {
    this.#hasAborted = true
    this.#writer?.send({ abort: this.#ledger.startedTokens() })
  }

  /** Ends it and whatever it started, at once. `judge` says what becomes of its jobs: see `#judge`. */
  kill(reason: string, judge?: (job: StartedJob) => AttemptResult): void {
    if (this.#pid === undefined || this.#killReason !== undefined) return
    this.#killReason = reason
    this.#judge = judge
    killGroup(this.#pid)
  }

  #connect(child: ChildProcess, pid: number): void {
    child.once('exit', (code, signal) => {
      void this.#bury(child, signal ? `signal ${signal}` : `exit code ${code}`)
    })
    child.on('error', () => {})
    const [, stdout, stderr, channel] = child.stdio
    this.#writer = new FrameWriter(channel as Duplex)
    channel?.once('close', () => this.#expectEnd(child))
    this.#finishReading = [
      readFrames(channel as Duplex, {
        onFrame: (frame) => this.#take(frame, pid),
        onHostile: (reason) => this.kill(reason),
      }),
      this.#capture(stdout as Readable, 'info'),
      this.#capture(stderr as Readable, 'warn'),
    ]
    const { loadTimeoutMs } = this.#settings
    this.#loadTimer = setTimeout(() => {
      this.#fail({
        kind: 'load',
        problems: [`It did not load within ${showDuration(loadTimeoutMs)}.`],
      })
    }, loadTimeoutMs)
    this.#stopWatching = watchMemory(pid, (residentBytes) => this.#checkMemory(residentBytes))
  }

  #capture(stream: Readable, level: 'info' | 'warn'): () => void {
    return captureOutput(stream, {
      budget: this.#lines,
      onLine: (text) => this.#listener.onLine({ level, text }),
      onFlood: () => this.kill('it flooded its output'),
    })
  }

  /** Without its channel a process can neither be given jobs nor tell what became of them. */
  #expectEnd({ exitCode, signalCode }: ChildProcess): void {
    if (exitCode !== null || signalCode !== null) return
    this.#muteTimer = setTimeout(
      () => this.kill('it closed the channel of its outcomes'),
      MAX_MUTE_MS,
    )
  }

  #take(frame: ChildFrame, pid: number): void {
    this.#deadline.noteWord()
    if (frame.ending) this.#ending ??= frame.ending
    if (frame.failed && !this.#isReady) this.#fail(frame.failed)
    if (frame.ready && !this.#isReady && this.#killReason === undefined)
      this.#welcome(frame.ready, pid)
    this.#takeEnds(frame)
    if (frame.started) this.#takeStarts(frame.started)
    // Unasked it would be a way to claim the same jobs over and over.
    if (frame.returned && this.#isStopping) this.#takeBack(frame.returned)
    for (const line of frame.logs ?? []) if (this.#lines.take()) this.#listener.onLine(line)
    if (frame.droppedLogs) this.#lines.drop(frame.droppedLogs)
  }

  #welcome(facts: ReadyFacts, pid: number): void {
    clearTimeout(this.#loadTimer)
    this.#isReady = true
    const problem = this.#listener.onReady(facts, pid)
    if (problem === undefined) return
    this.#isReady = false
    this.#fail({ kind: 'invalid', problems: [problem] })
  }

  #takeStarts(tokens: readonly number[]): void {
    const now = this.#now()
    for (const token of tokens) this.#ledger.start(token, now)
    this.#hasStartedJobs = true
  }

  /** Tokens it does not hold, or holds no more, are passed over: a child may write what it likes. */
  #takeEnds({ done = [], failures = [] }: ChildFrame): void {
    if (done.length === 0 && failures.length === 0) return
    const now = this.#now()
    const ended: EndedJob[] = []
    const take = (token: number, result: AttemptResult) => {
      const job = this.#ledger.end(token)
      if (job) ended.push(endJob(job, now, result))
    }
    for (const token of done) take(token, { kind: 'done' })
    // An attempt that we aborted and that failed then has not failed by itself.
    for (const { token, kind, error } of failures) {
      take(token, { kind: kind === 'retry' && this.#hasAborted ? 'interrupted' : kind, error })
    }
    if (ended.length > 0) this.#listener.onJobsEnded(ended)
  }

  #takeBack(tokens: readonly number[]): void {
    const jobs = tokens.flatMap((token) => this.#ledger.takeBack(token) ?? [])
    if (jobs.length > 0) this.#listener.onJobsEnded(jobs.map(releaseJob))
  }

  #fail(failure: LoadFailure): void {
    this.#failure = failure
    this.kill(failure.problems.join(' '))
  }

  #checkMemory(residentBytes: number): void {
    const { maxHeapBytes, memoryMarginBytes } = this.#settings
    const excess = residentBytes - maxHeapBytes - memoryMarginBytes
    if (excess > memoryMarginBytes)
      this.kill(`it held ${Math.round(residentBytes / 1e6)} MB of memory`)
    else if (excess > 0) this.#listener.onGrown(residentBytes)
  }

  #killOverrun(): void {
    const { timeoutMs } = this.#settings
    const now = this.#now()
    const error = `timed out after ${showDuration(timeoutMs)}`
    this.kill(`an attempt ${error} and did not end`, (job) =>
      now - job.startedAt >= timeoutMs
        ? { kind: 'retry', error }
        : {
            kind: 'interrupted',
            error: 'interrupted: another attempt overran and its process was killed',
          },
    )
  }

  async #bury(child: ChildProcess, exit: string): Promise<void> {
    this.#stopWatching()
    clearTimeout(this.#loadTimer)
    clearTimeout(this.#muteTimer)
    this.#deadline.stop()
    if (child.pid !== undefined) killGroup(child.pid)
    const strays = killMarked(this.#mark)
    for (const finish of this.#finishReading) finish()
    await Promise.all(child.stdio.flatMap((stream) => (stream ? whenClosed(stream as Duplex) : [])))
    await strays
    this.#lines.close()
    this.#end(this.#killReason ?? exit)
  }

  #end(reason: string): void {
    const now = this.#now()
    const { queued, started } = this.#ledger.clear()
    const error = `process ended: ${this.#ending ?? reason}`
    const judge = this.#judge
    const hasRunSome = this.#hasStartedJobs || !this.#isReady || judge !== undefined
    this.#listener.onJobsEnded([
      ...(hasRunSome ? [] : blameFirst(queued, error)),
      ...(judge
        ? started.map((job) => endJob(job, now, judge(job)))
        : suspectJobs(started, now, error)),
      ...queued.map(releaseJob),
    ])
    this.#listener.onExit(reason, this.#isReady ? undefined : (this.#failure ?? loadFailure(error)))
  }
}

function loadFailure(problem: string): LoadFailure {
  return { kind: 'load', problems: [problem] }
}

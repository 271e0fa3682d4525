import { stat } from 'node:fs/promises'
import type { Observer } from '../observe/observer.ts'
import type { LoadedCode } from './child-frame.ts'
import type { HandlerSupervisor } from './handler-supervisor.ts'

/** By looking: editors replace files, and mounted folders tell of no change. */
const LOOK_EVERY_MS = 300

/** Whose code is followed. */
type CodeOwner = Pick<
  HandlerSupervisor,
  'name' | 'accepting' | 'settings' | 'replace' | 'isStopping'
>

/** Has handlers loaded anew whose code changes, for who writes them. */
export class CodeFollower {
  readonly #observer: Pick<Observer, 'handlerCodeChanged'>
  /** Of each file what it was when it was looked at last; undefined: not yet. */
  readonly #known = new Map<CodeOwner, Map<string, string | undefined>>()
  readonly #loadedSince = new Map<CodeOwner, number>()
  #timer: NodeJS.Timeout | undefined
  #isLooking = false

  constructor(observer: Pick<Observer, 'handlerCodeChanged'>) {
    this.#observer = observer
  }

  /**
   * Its module was loaded from these files, `isWhole`, or there are more of them: one that could not be
   * loaded may have come further than the one that runs.
   */
  readonly follow = (owner: CodeOwner, { files, since }: LoadedCode, isWhole: boolean): void => {
    const before = this.#known.get(owner)
    const all = isWhole ? files : new Set([...(before?.keys() ?? []), ...files])
    this.#known.set(owner, new Map([...all].map((file) => [file, before?.get(file)])))
    this.#loadedSince.set(owner, since)
    this.#timer ??= setInterval(() => void this.#look(), LOOK_EVERY_MS).unref()
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    for (const [owner, files] of this.#known) {
      if (owner.isStopping) this.#known.delete(owner)
      const changed: string[] = []
      for (const [file, before] of files) {
        const { state, writtenAt } = await describe(file)
        // One that is new here may have been written after it was read, and before it was looked at.
        const isLate = before === undefined && writtenAt > (this.#loadedSince.get(owner) ?? 0)
        if (isLate || (before !== undefined && state !== before)) changed.push(file)
        // Meanwhile other files may have been loaded, and these be kept anew.
        const kept = this.#known.get(owner)
        if (kept?.has(file)) kept.set(file, state)
      }
      if (changed[0] !== undefined) void this.#reload(owner, changed[0])
    }
    this.#isLooking = false
  }

  async #reload(owner: CodeOwner, file: string): Promise<void> {
    const failure = await owner.replace(owner.settings)
    const { name: handler, accepting, isStopping } = owner
    if (isStopping) return
    const isRunning = accepting !== undefined
    const problem = failure?.problems.join(' ')
    this.#observer.handlerCodeChanged({ handler, file, isRunning, problem })
  }
}

async function describe(file: string): Promise<{ state: string; writtenAt: number }> {
  return stat(file).then(
    ({ ino, size, mtimeMs }) => ({ state: `${ino}:${size}:${mtimeMs}`, writtenAt: mtimeMs }),
    (error: NodeJS.ErrnoException) => ({ state: String(error.code), writtenAt: 0 }),
  )
}

import { listLoadedFiles } from '../../handlers/load-handler.ts'
import { type LoadedCode, MAX_FILES } from '../channel-frames.ts'
import { startInterval } from './untouched.ts'

/** What is imported while the handler runs is told so late. */
const LOOK_EVERY_MS = 500

/** From which files the handler's module is loaded, for a parent that follows them. */
export class CodeNews {
  readonly #since = Date.now()
  readonly #module: string
  #told = 0

  constructor(module: string) {
    this.#module = module
  }

  take(): { readonly code: LoadedCode } {
    const loaded = listLoadedFiles()
    this.#told = loaded.length
    const files = [...new Set([this.#module, ...loaded])].slice(0, MAX_FILES)
    return { code: { files, since: this.#since } }
  }

  /** Tells of all of them whenever there are more. */
  watch(tell: (news: { readonly code: LoadedCode }) => void): void {
    startInterval(() => {
      if (listLoadedFiles().length > this.#told) tell(this.take())
    }, LOOK_EVERY_MS).unref()
  }
}

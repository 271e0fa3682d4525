import { ReceiverError } from '../errors.ts'

/** Thrown by whoever reads one value. Both texts are shown to people: never a secret in them. */
export class WrongValue extends Error {
  readonly problem: string
  readonly remedy: string

  constructor(problem: string, remedy: string) {
    super(`${problem}. ${remedy}`)
    this.name = 'WrongValue'
    this.problem = problem
    this.remedy = remedy
  }
}

/** The value as a message may show it: quoted, on one line, not endless. Never for secrets. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}

/** One thing that is wrong with the settings. No field holds the value of a secret. */
export interface SettingProblem {
  /** Where to look: `PORT`, `MAILTRAP_SIGNING_SECRET_FILE`, `sources.audit.allowIps (receiver.yaml)`. */
  readonly setting: string
  /** What is wrong; goes on from the setting's name: `is "abc", which is no …`. */
  readonly problem: string
  /** How to mend it, a sentence. */
  readonly remedy: string
}

/** Every problem of the settings at once. */
export class SettingsError extends ReceiverError {
  readonly problems: readonly SettingProblem[]
  // Private, so that nothing prints it: a secret may stand where a path should.
  readonly #triedFiles: readonly string[]

  constructor(problems: readonly SettingProblem[], triedFiles: readonly string[] = []) {
    super('invalid_settings')
    this.name = 'SettingsError'
    this.problems = problems
    this.#triedFiles = triedFiles
    this.message = `Settings are wrong:\n${problems.map(problemLine).join('\n')}`
  }

  /** Every file that was tried, missing ones too: a change of one of them may mend it. */
  get triedFiles(): readonly string[] {
    return this.#triedFiles
  }
}

/** Gathers what is wrong, so that people mend it in one go. */
export class ProblemList {
  readonly problems: SettingProblem[] = []

  /** Of several problems of one setting only the first: the others may follow from it. */
  add(setting: string, problem: string, remedy: string): void {
    if (this.problems.some((known) => known.setting === setting)) return
    this.problems.push({ setting, problem, remedy })
  }

  /** What `read` answers; undefined, and one problem more, when it throws `WrongValue`. */
  attempt<Value>(setting: string, read: () => Value): Value | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof WrongValue)) throw error
      this.add(setting, error.problem, error.remedy)
      return undefined
    }
  }

  /** Nothing while there is no problem. */
  throwIfAny(triedFiles: readonly string[]): void {
    if (this.problems.length > 0) throw new SettingsError(this.problems, triedFiles)
  }
}

function problemLine({ setting, problem, remedy }: SettingProblem): string {
  return `  ${setting} ${problem}. ${remedy}`
}

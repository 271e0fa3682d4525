import { ReceiverError } from '../errors.ts'
import { WrongValue } from './wrong-value.ts'

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

  constructor(problems: readonly SettingProblem[]) {
    super('invalid_settings')
    this.name = 'SettingsError'
    this.problems = problems
    this.message = `Settings are wrong:\n${problems.map(problemLine).join('\n')}`
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
  throwIfAny(): void {
    if (this.problems.length > 0) throw new SettingsError(this.problems)
  }
}

function problemLine({ setting, problem, remedy }: SettingProblem): string {
  return `  ${setting} ${problem}. ${remedy}`
}

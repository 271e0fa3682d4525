/** What a client asked for makes no sense; each problem is a sentence that names the parameter. */
export class InvalidParameters extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join(' '))
    this.name = 'InvalidParameters'
    this.problems = problems
  }
}

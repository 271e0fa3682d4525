/** What a client asked for makes no sense; each problem is a sentence that names the parameter. */
export class InvalidParameters extends Error {
  readonly problems: readonly string[]
  readonly code: 'invalid_parameters' | 'invalid_cursor'

  constructor(
    problems: readonly string[],
    /** `invalid_cursor` when nothing but the cursor is wrong: begin again at the first page. */
    code: InvalidParameters['code'] = 'invalid_parameters',
  ) {
    super(problems.join(' '))
    this.name = 'InvalidParameters'
    this.problems = problems
    this.code = code
  }
}

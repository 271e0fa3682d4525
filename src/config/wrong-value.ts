import * as z from 'zod'

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

/** Lets zod use a reader that throws `WrongValue`. */
export function readWith<In, Out>(read: (value: In) => Out) {
  return (value: In, context: z.RefinementCtx): Out => {
    try {
      return read(value)
    } catch (error) {
      if (!(error instanceof WrongValue)) throw error
      const { problem, remedy } = error
      context.addIssue({ code: 'custom', message: problem, params: { remedy } })
      return z.NEVER
    }
  }
}

/** What a zod issue says, in our two sentences. */
export function wrongValueOf(issue: z.core.$ZodIssue): WrongValue {
  const remedy = issue.code === 'custom' ? issue.params?.['remedy'] : undefined
  return new WrongValue(
    issue.message,
    typeof remedy === 'string' ? remedy : 'See the settings in the README.',
  )
}

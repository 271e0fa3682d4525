import type { z } from 'zod'
import { findNearestWord } from '../../nearest-word.ts'
import { InvalidParameters } from './invalid-parameters.ts'

const SHOWN_LENGTH = 40

/** Checks what a client gave against a schema; throws InvalidParameters with every problem. */
export function readParameters<Schema extends z.ZodObject>(
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const example = schema.meta()?.['example'] ?? {}
    throw new InvalidParameters([
      `The body must be a JSON object, such as ${JSON.stringify(example)}.`,
    ])
  }
  const given = new Map<string, unknown>(Object.entries(input))
  const allowed = Object.keys(schema.shape)
  const unknown = [...given.keys()].filter((name) => !allowed.includes(name))
  const parsed = schema.safeParse(input)
  const problems = [
    ...unknown.map((name) => explainUnknown(name, allowed)),
    ...(parsed.error?.issues ?? []).map((issue) => explainIssue(issue, given)),
  ]
  if (!parsed.success || problems.length > 0) {
    const isCursor = problems.length === 1 && parsed.error?.issues[0]?.path[0] === 'cursor'
    throw new InvalidParameters(problems, isCursor ? 'invalid_cursor' : 'invalid_parameters')
  }
  return parsed.data
}

function explainUnknown(name: string, allowed: readonly string[]): string {
  const nearest = findNearestWord(name, allowed)
  const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`
  const list = allowed.length === 0 ? 'None is allowed here.' : `Allowed are ${allowed.join(', ')}.`
  return `There is no parameter ${quote(name)}.${hint} ${list}`
}

/** The schemas' own texts say what a value must be; name and value are added, but no password. */
function explainIssue(issue: z.core.$ZodIssue, given: ReadonlyMap<string, unknown>): string {
  const name = String(issue.path[0] ?? 'The body')
  const shown = name === 'password' ? '' : show(given.get(name))
  return `${name} ${issue.message}${shown === '' ? '' : `, not ${shown}`}.`
}

function show(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? quote(value) : ''
}

function quote(text: string): string {
  return JSON.stringify(text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text)
}

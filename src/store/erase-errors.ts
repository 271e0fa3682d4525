import type { TraceFinder } from './trace-finder.ts'

const ERASED = 'Erased: it told of a person.'

/** A job's record of failures without the texts that hold a trace; undefined when none does. */
export function eraseErrors(failures: string, finder: TraceFinder): string | undefined {
  if (!finder.isIn(failures)) return undefined
  const lines = failures.split('\n').filter(Boolean)
  return lines
    .flatMap((line) => {
      if (!finder.isIn(line)) return [line]
      // The oldest line may have been cut off at its beginning: then nobody can read it anyway.
      return line.startsWith('{"attempt"')
        ? [JSON.stringify({ ...JSON.parse(line), error: ERASED })]
        : []
    })
    .map((line) => `${line}\n`)
    .join('')
}

/** Where an erasure goes on: each part is walked by number, one after the other. */
export interface EraseCursor {
  readonly part: 'events' | 'quarantine'
  readonly after: number
}

export function readEraseCursor(text: string | undefined): EraseCursor {
  const [part, after] = text?.split('.') ?? []
  return { part: part === 'quarantine' ? part : 'events', after: Number(after ?? 0) }
}

export function writeEraseCursor({ part, after }: EraseCursor): string {
  return `${part}.${after}`
}

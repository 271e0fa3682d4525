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

/** Makes the reader of one of these words. */
export function oneOf<Word extends string>(
  words: readonly Word[],
  noun: string,
  clean = (text: string) => text.trim(),
): (text: string) => Word {
  return (text) => {
    const word = words.find((known) => known === clean(text))
    if (word) return word
    throw new WrongValue(
      `is ${quote(text)}, which is no ${noun}`,
      `Give one of ${words.join(', ')}.`,
    )
  }
}

/** What a text says as an address of one of these protocols; no message shows it. */
export function parseUrl(text: string, protocols: readonly string[]): URL | undefined {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined
  return url && protocols.includes(url.protocol) ? url : undefined
}

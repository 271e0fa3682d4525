const DAY_MS = 86_400_000
const DAYS_KEPT = 7
const LEAST_MS = 3_600_000
const TIMES_LONGEST = 3
/** After a start the provider may be about to try again what it could not bring. */
const GRACE_MS = 600_000

/** How silent one source was; kept over restarts. */
interface KnownSource {
  /** Since when it is watched, milliseconds since 1970. */
  readonly since: number
  /** Its longest silence, by the day (since 1970) on which it ended. */
  readonly longest: Readonly<Record<string, number>>
}

export type KnownSources = Readonly<Record<string, KnownSource>>

export interface SourceSilence {
  readonly source: string
  readonly isSilent: boolean
  /** When it sent something last, or since when it is watched. */
  readonly since: number
  readonly limitMs: number
}

/** One source to watch; `silentAfterMs` as its settings say. */
export interface WatchedSource {
  readonly name: string
  readonly silentAfterMs?: number
}

interface Look {
  readonly at: number
  readonly watchedSince: number
  /** When each source sent last, as far as it is known. */
  readonly lastAt: Readonly<Record<string, number>>
}

/** Adds what a look shows: the silences that have ended since the one before. Pure. */
export function noteSilences(
  known: KnownSources,
  before: Readonly<Record<string, number>>,
  { at, watchedSince, lastAt }: Look,
): KnownSources {
  const entries = Object.entries(lastAt).map(([name, last]): [string, KnownSource] => {
    const source = known[name] ?? { since: at, longest: {} }
    const began = Math.max(before[name] ?? watchedSince, watchedSince)
    // Of our own outage nobody knows whether the source was silent.
    if (last <= began) return [name, source]
    const day = String(Math.floor(last / DAY_MS))
    const silence = Math.max(last - began, source.longest[day] ?? 0)
    const kept = Object.entries({ ...source.longest, [day]: silence }).filter(
      ([one]) => Number(one) >= Math.floor(at / DAY_MS) - DAYS_KEPT,
    )
    return [name, { ...source, longest: Object.fromEntries(kept) }]
  })
  return { ...known, ...Object.fromEntries(entries) }
}

/**
 * Which sources are silent for longer than they should be: than `silentAfter`; without it, than three
 * times their longest silence of the last week, and an hour. What is usual is not known before a day
 * has passed. Pure.
 */
export function findSilences(
  sources: readonly WatchedSource[],
  known: KnownSources,
  { at, watchedSince, lastAt, wasSilent }: Look & { wasSilent: (source: string) => boolean },
): SourceSilence[] {
  return sources.flatMap(({ name, silentAfterMs }) => {
    const limitMs = silentAfterMs ?? usualLimit(known[name], at)
    if (limitMs === undefined) return []
    const since = lastAt[name] ?? watchedSince
    const isPatient = at - watchedSince < Math.min(GRACE_MS, limitMs) && !wasSilent(name)
    return [{ source: name, isSilent: at - since >= limitMs && !isPatient, since, limitMs }]
  })
}

function usualLimit(source: KnownSource | undefined, at: number): number | undefined {
  if (source === undefined || at - source.since < DAY_MS) return undefined
  // Of a week without a sound nothing is forgotten: the silence goes on.
  const silences = Object.values(source.longest)
  if (silences.length === 0) return undefined
  return Math.max(LEAST_MS, TIMES_LONGEST * Math.max(...silences))
}

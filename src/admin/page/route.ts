/** Addresses within the page: `#/events/12?raw=1`. */
export interface Route {
  readonly view: string
  readonly rest: readonly string[]
  readonly query: URLSearchParams
}

export function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2)
  const segments = path.split('/').filter(Boolean).map(decode)
  const [view = 'overview', ...rest] = segments
  return { view, rest, query: new URLSearchParams(query) }
}

type Query = Readonly<Record<string, string | number | null | undefined>>

/** Texts of strangers may be part of it. */
export function writeRoute(segments: readonly string[], query: Query = {}): string {
  return `#/${segments.map(encodeURIComponent).join('/')}${writeQuery(query)}`
}

/** Empty values are left out. */
export function writeQuery(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value ? [[name, `${value}`]] : [],
  )
  return given.length > 0 ? `?${new URLSearchParams(given)}` : ''
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** How far down each view was scrolled, so that the way back leads to where a person was. */
export function createPlaces() {
  const tops = new Map<unknown, number>()
  let here: unknown
  // The browser would try before there is anything to scroll.
  history.scrollRestoration = 'manual'
  return {
    leave: () => void tops.set(here, scrollY),
    /** Answers how far down the view was when it was left; 0 for a new one. */
    arrive(): number {
      here = history.state?.place ?? `${Date.now()} ${Math.random()}`
      history.replaceState({ place: here }, '')
      return tops.get(here) ?? 0
    },
  }
}

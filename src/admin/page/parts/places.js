// @ts-check
/** How far down each view was scrolled, so that the way back leads to where a person was. */
export function createPlaces() {
  /** @type {Map<unknown, number>} */
  const tops = new Map()
  let here = /** @type {unknown} */ (undefined)
  // The browser would try before there is anything to scroll.
  history.scrollRestoration = 'manual'
  return {
    leave: () => void tops.set(here, scrollY),
    /** Answers how far down the view was when it was left; 0 for a new one. */
    arrive() {
      here = history.state?.place ?? `${Date.now()} ${Math.random()}`
      history.replaceState({ place: here }, '')
      return tops.get(here) ?? 0
    },
  }
}

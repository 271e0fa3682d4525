// @ts-check
/** @type {WeakMap<Node, Map<unknown, { node: HTMLElement, update?: (item: any) => void }>>} */
const childrenByKey = new WeakMap()

/**
 * Makes the children of `parent` one per item. Those that stay keep their element, and with it the
 * keyboard's focus. `create` answers `{ node, update }`; `none` is shown while there is nothing.
 * @template Item
 * @param {HTMLElement} parent
 * @param {readonly Item[]} items
 * @param {{ keyOf: (item: Item) => unknown, create: (item: Item) => { node: HTMLElement, update?: (item: Item) => void }, none?: HTMLElement }} how
 */
export function sync(parent, items, { keyOf, create, none }) {
  const before = childrenByKey.get(parent) ?? new Map()
  const after = new Map()
  for (const item of items) {
    const child = before.get(keyOf(item)) ?? create(item)
    child.update?.(item)
    after.set(keyOf(item), child)
  }
  for (const [key, child] of before) if (!after.has(key)) removeChild(child.node)
  let place = parent.firstElementChild
  for (const { node } of after.values()) {
    if (node === place) place = place?.nextElementSibling ?? null
    else parent.insertBefore(node, place)
  }
  childrenByKey.set(parent, after)
  if (none) none.hidden = items.length > 0
}

/**
 * While somebody points at a row, or has the keyboard in one, no other may come into its place: only
 * the rows that are there are brought up to date. Answers how many others there would be.
 * @template Item
 * @param {HTMLElement} parent @param {readonly Item[]} items
 * @param {Parameters<typeof sync<Item>>[2]} how
 */
export function syncUnlessHeld(parent, items, how) {
  const before = childrenByKey.get(parent)
  if (!before?.size || !parent.matches(':hover, :focus-within')) {
    sync(parent, items, how)
    return 0
  }
  const known = items.filter((item) => before.has(how.keyOf(item)))
  for (const item of known) before.get(how.keyOf(item))?.update?.(item)
  return items.length - known.length
}

/** The keyboard goes on in the next row, at the same control. @param {HTMLElement} node */
function removeChild(node) {
  const active = document.activeElement
  const next = node.nextElementSibling ?? node.previousElementSibling
  const isHere = active !== null && node.contains(active)
  node.remove()
  if (isHere) /** @type {any} */ (next?.querySelector(active.localName))?.focus()
}

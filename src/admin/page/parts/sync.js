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
  for (const [key, child] of before) if (!after.has(key)) child.node.remove()
  let place = parent.firstElementChild
  for (const { node } of after.values()) {
    if (node === place) place = place?.nextElementSibling ?? null
    else parent.insertBefore(node, place)
  }
  childrenByKey.set(parent, after)
  if (none) none.hidden = items.length > 0
}

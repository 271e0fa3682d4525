/** The first `count` of endless events. */
export function* take<Item>(items: Iterable<Item>, count: number): Generator<Item> {
  if (count <= 0) return
  let left = count
  for (const item of items) {
    yield item
    if (--left === 0) return
  }
}

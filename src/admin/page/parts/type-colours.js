// @ts-check
/** Types that mean the same colour everywhere; others get one by their rank. */
const COLOURS = new Map(
  Object.entries({
    delivery: 'green',
    delivered: 'green',
    open: 'blue',
    opened: 'blue',
    click: 'violet',
    clicked: 'violet',
    bounce: 'red',
    bounced: 'red',
    'soft bounce': 'orange',
    deferred: 'orange',
    spam: 'pink',
    complained: 'pink',
    unsubscribe: 'yellow',
    unsubscribed: 'yellow',
    'other types': 'grey',
  }),
)
const BY_RANK = ['teal', 'brown', 'indigo', 'lime', 'grey']

/** @param {{ type: string }[]} types @returns {Map<string, string>} */
export function colourTypes(types) {
  const strange = types.filter(({ type }) => !COLOURS.has(type))
  return new Map(
    types.map((one) => [
      one.type,
      COLOURS.get(one.type) ?? BY_RANK[strange.indexOf(one) % BY_RANK.length] ?? 'grey',
    ]),
  )
}

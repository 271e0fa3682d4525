// @ts-check
import { link, make } from './elements.js'
import { writeRoute } from './route.js'

/**
 * Links to the other pages of a list, whose place stands in the address. They stay the same links,
 * so that the keyboard does not lose them when news arrive.
 * @param {readonly string[]} segments @param {Record<string, string>} query @param {string | null} cursor where this page begins
 */
export function createPages(segments, query, cursor) {
  const newest = link(writeRoute(segments, query), 'button', 'Newest')
  const older = link('', 'button', 'Older')
  newest.hidden = cursor === null
  older.hidden = true
  return {
    node: make('p', 'actions', newest, older),
    older,
    /** @param {string | null} next where the next page begins */
    show(next) {
      older.hidden = next === null
      older.href = writeRoute(segments, { ...query, cursor: next })
    },
  }
}

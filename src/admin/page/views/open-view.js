// @ts-check
import { NoAnswer } from '../parts/api.js'
import { openEvent } from './event.js'
import { openEvents } from './events.js'
import { openHandler } from './handler.js'
import { openHandlers } from './handlers.js'
import { openOverview } from './overview.js'
import { openPiece } from './piece.js'
import { openQuarantine } from './quarantine.js'

/** @typedef {{ title: string, refresh: (isByHand: boolean) => Promise<void> }} View */

/**
 * The view that an address names.
 * @param {HTMLElement} root
 * @param {ReturnType<typeof import('../parts/route.js').readRoute>} route
 * @param {(handler: string) => ReturnType<typeof import('./replay-all.js').createReplayAll>} replayAllOf
 * @returns {View}
 */
export function openView(root, { view: name, rest, query }, replayAllOf) {
  const [id] = rest
  if (name === 'events') {
    return id === undefined ? openEvents(root, query) : openEvent(root, id)
  }
  if (name === 'handlers') {
    return id === undefined
      ? openHandlers(root)
      : openHandler(root, { name: id, cursor: query.get('cursor'), replayAll: replayAllOf(id) })
  }
  if (name === 'quarantine') {
    return id === undefined ? openQuarantine(root, query.get('cursor')) : openPiece(root, id)
  }
  if (name === 'overview') return openOverview(root, query)
  return {
    title: 'No such view',
    refresh: async () => {
      throw new NoAnswer('This page has no such view. Choose one above.', 404)
    },
  }
}

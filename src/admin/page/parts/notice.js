// @ts-check
import { NoAnswer } from './api.js'
import { make, mark, write } from './elements.js'

/** A line that says what became of what was asked for. */
export function createNotice() {
  const node = make('p', 'notice')
  node.setAttribute('role', 'status')
  const tell = (/** @type {string} */ state, /** @type {string} */ text) => {
    mark(node, state)
    write(node, text)
  }
  return {
    node,
    /** Does it, and tells how it ended. @param {() => Promise<string>} work */
    async run(work) {
      tell('waiting', 'Under way…')
      try {
        tell('live', await work())
      } catch (error) {
        tell('lost', error instanceof NoAnswer ? error.message : 'This page failed. Reload it.')
      }
    },
  }
}

// @ts-check
import { NoAnswer } from './api.js'
import { make, mark, write } from './elements.js'

/** A line at the window's foot that says what became of what was asked for. */
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
        tell('lost', `Not done: ${explainFailure(error)}`)
      }
    },
  }
}

/** @param {unknown} error */
export function explainFailure(error) {
  if (!(error instanceof NoAnswer)) return 'this page failed. Reload it.'
  return error.status === 401 ? 'you are signed out.' : error.message
}

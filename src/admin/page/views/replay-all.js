// @ts-check
import { post } from '../parts/api.js'
import { button, carefulButton } from '../parts/buttons.js'
import { make, write } from '../parts/elements.js'
import { count, showNumber } from '../parts/format.js'
import { explainFailure } from '../parts/notice.js'

/**
 * Replays all dead jobs of a handler, or those with one error, page by page. It goes on while other
 * views are looked at.
 * @param {string} name
 */
export function createReplayAll(name) {
  let dead = 0
  let isRunning = false
  let tellEnd = () => {}
  const progress = make('progress')
  progress.setAttribute('aria-label', `Replaying jobs of ${name}`)
  const told = make('span', 'soft')
  told.setAttribute('role', 'status')
  const stopButton = button('Stop', stop)
  const all = carefulButton(
    'Replay all dead jobs',
    () => `Really replay ${count(dead, 'job')}?`,
    () => run(undefined),
  )
  const node = make('p', 'actions', all, progress, stopButton, told)
  show(0)

  function show(/** @type {number} */ deadNow) {
    if (!isRunning) dead = deadNow
    all.hidden = dead === 0 || isRunning
    progress.hidden = !isRunning
    stopButton.hidden = !isRunning
  }

  function stop() {
    isRunning = false
  }

  /** @param {string | undefined} error */
  async function run(error) {
    if (isRunning) return
    isRunning = true
    addEventListener('beforeunload', askToStay)
    progress.max = Math.max(1, dead)
    progress.value = 0
    show(dead)
    let replayed = 0
    let examined = 0
    /** @type {string | null} */
    let cursor = null
    try {
      do {
        const asked = { ...(error !== undefined && { error }), ...(cursor !== null && { cursor }) }
        const answer = await post(`api/handlers/${encodeURIComponent(name)}/replay`, asked)
        replayed += answer.replayed
        examined += answer.examined
        cursor = answer.cursor
        progress.value = examined
        write(
          told,
          `${showNumber(replayed)} made pending, ${showNumber(examined)} of ${showNumber(Math.max(dead, examined))} looked at`,
        )
      } while (cursor !== null && isRunning)
      write(told, `${count(replayed, 'job')} made pending${cursor === null ? '' : '; stopped'}.`)
    } catch (problem) {
      write(told, `${count(replayed, 'job')} made pending, then: ${explainFailure(problem)}`)
    }
    removeEventListener('beforeunload', askToStay)
    isRunning = false
    show(dead)
    tellEnd()
  }

  return {
    node,
    show,
    start: (/** @type {string} */ error) => run(error),
    /** @param {() => void} listener in place of the one before */
    onEnd(listener) {
      tellEnd = listener
    },
  }
}

/** It would end with the page. @param {Event} event */
function askToStay(event) {
  event.preventDefault()
}

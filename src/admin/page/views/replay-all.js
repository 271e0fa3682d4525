// @ts-check
import { NoAnswer, post } from '../parts/api.js'
import { button, carefulButton, make, write } from '../parts/elements.js'
import { count, showNumber } from '../parts/format.js'

/** Replays all dead jobs of a handler, or those with one error, page by page. @param {string} name */
export function createReplayAll(name) {
  let dead = 0
  let isRunning = false
  const progress = make('progress')
  const told = make('span', 'soft')
  told.setAttribute('role', 'status')
  const stopButton = button('Stop', stop)
  const all = carefulButton(
    'Replay all dead jobs',
    () => `Really replay ${count(dead, 'job')}?`,
    () => void run(undefined),
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
      const why = problem instanceof NoAnswer ? problem.message : 'This page failed.'
      write(told, `${count(replayed, 'job')} made pending, then: ${why}`)
    }
    isRunning = false
    show(dead)
  }

  return { node, show, stop, start: (/** @type {string} */ error) => void run(error) }
}

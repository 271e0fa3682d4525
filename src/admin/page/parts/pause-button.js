// @ts-check
import { post } from './api.js'
import { button, write } from './elements.js'

/** Pauses a handler, or lets it go on, on every replica. @param {string} name @param {ReturnType<typeof import('./notice.js').createNotice>} notice */
export function createPauseButton(name, notice) {
  let isPaused = false
  const node = button('Pause', () => {
    const action = isPaused ? 'resume' : 'pause'
    void notice.run(async () => {
      await post(`api/handlers/${encodeURIComponent(name)}/${action}`)
      show({ paused_since: isPaused ? null : '' })
      return isPaused
        ? `${name} is paused: what runs may finish, and nothing new begins until it is resumed.`
        : `${name} goes on.`
    })
  })
  function show(/** @type {any} */ handler) {
    isPaused = handler.paused_since !== null
    write(node, isPaused ? 'Resume' : 'Pause')
  }
  return { node, show }
}

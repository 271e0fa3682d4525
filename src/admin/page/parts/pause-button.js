// @ts-check
import { post } from './api.js'
import { button } from './buttons.js'
import { write } from './elements.js'

/** Pauses a handler, or lets it go on, on every replica. @param {string} name @param {ReturnType<typeof import('./notice.js').createNotice>} notice */
export function createPauseButton(name, notice) {
  let isPaused = false
  const node = button('Pause', () => {
    const pauses = !isPaused
    return notice.run(async () => {
      await post(`api/handlers/${encodeURIComponent(name)}/${pauses ? 'pause' : 'resume'}`)
      show({ paused_since: pauses ? '' : null })
      return pauses
        ? `${name} is paused: what runs may finish, and nothing new begins until it is resumed.`
        : `${name} goes on.`
    })
  })
  function show(/** @type {any} */ handler) {
    isPaused = handler.paused_since !== null
    write(node, isPaused ? 'Resume' : 'Pause')
    node.setAttribute('aria-label', `${node.textContent} ${name}`)
  }
  return { node, show }
}

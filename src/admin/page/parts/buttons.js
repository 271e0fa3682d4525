// @ts-check
import { make } from './elements.js'

/**
 * A button that cannot be pressed again before what it began has ended. It keeps the keyboard
 * meanwhile, which one that is `disabled` would lose.
 * @param {string} text @param {() => unknown} onPress may answer a promise
 * @param {{ className?: string, label?: string }} [options] `label`: what a screen reader says
 */
export function button(text, onPress, { className = '', label } = {}) {
  const node = make('button', className, text)
  node.type = 'button'
  if (label !== undefined) node.setAttribute('aria-label', label)
  node.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.repeat) event.preventDefault()
  })
  node.addEventListener('click', async (/** @type {MouseEvent} */ event) => {
    // The second half of a double click, which people make who mean one.
    if (event.detail > 1) return
    if (node.getAttribute('aria-disabled') === 'true') return
    node.setAttribute('aria-disabled', 'true')
    try {
      await onPress()
    } finally {
      node.removeAttribute('aria-disabled')
    }
  })
  return node
}

/** Before it, nobody has read what is asked. */
const DELIBERATE_MS = 600
const ARMED_MS = 4_000

/**
 * A button for what cannot be taken back: the first press asks, the second does it.
 * @param {string} text @param {() => string} ask @param {() => unknown} onSure
 */
export function carefulButton(text, ask, onSure) {
  let timer = 0
  const node = button(text, () => {
    if (timer !== 0) {
      disarm()
      return onSure()
    }
    node.textContent = ask()
    node.dataset.armed = 'true'
    timer = window.setTimeout(disarm, ARMED_MS)
    return new Promise((resolve) => setTimeout(resolve, DELIBERATE_MS))
  })
  function disarm() {
    clearTimeout(timer)
    timer = 0
    node.textContent = text
    delete node.dataset.armed
  }
  return node
}

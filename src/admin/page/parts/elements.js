// @ts-check
/**
 * Makes the page's elements. Content is written by strangers: their text goes into text nodes and
 * nowhere else.
 */

/** @typedef {Node | string} Child */

/**
 * An element with its class and children; texts become text nodes.
 * @param {string} name @param {string} [className] @param {...Child} children
 * @returns {any}
 */
export function make(name, className = '', ...children) {
  const node = document.createElement(name)
  if (className) node.className = className
  node.append(...children)
  return node
}

/** A drawing's element. @param {string} name @param {Record<string, string | number>} attributes @param {...Child} children */
export function draw(name, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value))
  node.append(...children)
  return node
}

/** Writes only what has changed, so that a selection, and a screen reader, are left in peace. */
export function write(/** @type {Node} */ node, /** @type {string} */ text) {
  if (node.textContent !== text) node.textContent = text
}

export function mark(/** @type {HTMLElement} */ node, /** @type {string} */ state) {
  if (node.dataset.state !== state) node.dataset.state = state
}

/** A link within the page, or to a file of it. @param {string} href @param {string} className @param {...Child} children */
export function link(href, className, ...children) {
  const node = make('a', className, ...children)
  node.href = href
  return node
}

/** @param {string} text @param {() => void} onClick @param {string} [className] */
export function button(text, onClick, className = '') {
  const node = make('button', className, text)
  node.type = 'button'
  node.addEventListener('click', onClick)
  return node
}

const ARMED_MS = 4_000

/**
 * A button for what cannot be taken back: the first press asks, the second does it.
 * @param {string} text @param {() => string} ask @param {() => void} onSure
 */
export function carefulButton(text, ask, onSure) {
  let timer = 0
  const node = button(text, () => {
    if (timer === 0) {
      node.textContent = ask()
      node.dataset.armed = 'true'
      timer = window.setTimeout(disarm, ARMED_MS)
      return
    }
    disarm()
    onSure()
  })
  function disarm() {
    clearTimeout(timer)
    timer = 0
    node.textContent = text
    delete node.dataset.armed
  }
  return node
}

/** A card with its title; what is `wide` goes over all columns. @param {string} title @param {...Child} children */
export function card(title, ...children) {
  const heading = make('h2', '', title)
  return make('section', 'card', heading, ...children)
}

/** A table with its head; `number` columns are right-aligned. @param {readonly (string | [string, string])[]} columns */
export function table(columns) {
  const cells = columns.map((column) => {
    const [text, className] = typeof column === 'string' ? [column, ''] : column
    const cell = make('th', className, text)
    cell.scope = 'col'
    return cell
  })
  const body = make('tbody')
  return { node: make('table', '', make('thead', '', make('tr', '', ...cells)), body), body }
}

/** The line that stands where a list is empty. @param {...Child} children */
export function emptyLine(...children) {
  const node = make('p', 'none', ...children)
  node.hidden = true
  return node
}

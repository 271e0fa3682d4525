// @ts-check
import { splitHidden } from './format.js'

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

/** An exact text of strangers: what hides in it is named and marked. @param {string} text @returns {Child[]} */
export function visibleText(text) {
  return splitHidden(text).map(({ text: part, isHidden }) =>
    isHidden ? make('span', 'hidden-character', part) : part,
  )
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

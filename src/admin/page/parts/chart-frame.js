// @ts-check
import { draw, make, write } from './elements.js'
import { showShort } from './format.js'
import { axisLabel } from './times.js'

export const HEIGHT = 150
export const LEFT = 56
const BOTTOM = 18
const TOP = 8
const USUAL_WIDTH = 720
const DAY_MS = 86_400_000

/** Whether a day's time alone would not say when. @param {number} spanMs */
export const isLongSpan = (spanMs) => spanMs > DAY_MS

/**
 * A drawing as wide as its place, so that its texts keep their size, with a line above that tells
 * what it shows. `redraw` answers what to draw for a width.
 */
export function createChartFrame() {
  const drawing = /** @type {SVGSVGElement} */ (draw('svg', { class: 'chart', role: 'img' }))
  const told = make('p', 'told')
  let redraw = /** @type {((width: number) => Node[]) | undefined} */ (undefined)
  let width = 0

  function show() {
    width = Math.round(drawing.getBoundingClientRect().width) || USUAL_WIDTH
    drawing.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`)
    if (redraw) drawing.replaceChildren(...redraw(width))
  }
  new ResizeObserver(() => {
    if (Math.round(drawing.getBoundingClientRect().width) !== width) show()
  }).observe(drawing)

  return {
    drawing,
    told,
    width: () => width,
    /** @param {(width: number) => Node[]} how */
    show(how) {
      redraw = how
      show()
    },
    /** @param {string} text @param {string} [hint] for those who do not see it */
    tell(text, hint = '') {
      write(told, text)
      drawing.setAttribute('aria-label', text + hint)
    },
  }
}

/** From a value to its height. @param {number} top */
export const scaleUp = (top) => (/** @type {number} */ value) =>
  HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP)

/** @param {number} width @param {number} top @param {(value: number) => string} [show] */
export function drawGrid(width, top, show = showShort) {
  const y = scaleUp(top)
  return [0, top / 2, top].flatMap((value) => [
    draw('line', { x1: LEFT, x2: width, y1: y(value), y2: y(value), class: 'rule' }),
    draw('text', { x: LEFT - 8, y: y(value) + 4, class: 'end' }, show(value)),
  ])
}

/** Times along the axis, as many as there is room for. @param {number} width @param {number} from @param {number} spanMs */
export function drawTimes(width, from, spanMs) {
  const steps = width < 500 ? 2 : 4
  return Array.from({ length: steps + 1 }, (_, step) => {
    const share = step / steps
    const text = axisLabel(from + share * spanMs, isLongSpan(spanMs))
    const place = share === 0 ? 'start' : share === 1 ? 'end' : 'middle'
    return draw('text', { x: LEFT + share * (width - LEFT), y: HEIGHT - 3, class: place }, text)
  })
}

// @ts-check
import { createChartFrame, drawGrid, drawTimes, LEFT, scaleUp } from './chart-frame.js'
import { draw, make } from './elements.js'
import { showDuration } from './format.js'
import { niceTop } from './stack-bars.js'

/** Latencies by minute: the median and the slowest hundredth. */
export function createLatencyChart() {
  const frame = createChartFrame()
  const keys = [key('blue', 'median'), key('orange', '99 of 100 are faster')]
  return {
    node: make('div', 'figure', frame.told, frame.drawing, make('ul', 'keys', ...keys)),
    /** @param {any} ack */
    show(ack) {
      frame.show((width) => drawLatencies(ack, width))
      frame.tell(describe(ack))
    },
  }
}

/** @param {any} ack @param {number} width */
function drawLatencies(ack, width) {
  const lines = [
    { colour: 'orange', values: ack.minutes.map((/** @type {any} */ one) => one.p99_ms) },
    { colour: 'blue', values: ack.minutes.map((/** @type {any} */ one) => one.p50_ms) },
  ]
  const top = niceTop(Math.max(0, ...lines.flatMap(({ values }) => values)))
  const count = ack.minutes.length
  const x = (/** @type {number} */ index) => LEFT + ((index + 0.5) / count) * (width - LEFT)
  const spanMs = count * ack.bucket_seconds * 1_000
  return [
    ...drawGrid(width, top, showDuration),
    ...lines.flatMap(({ colour, values }) => drawLine(values, colour, x, scaleUp(top))),
    ...drawTimes(width, Date.parse(ack.from), spanMs),
  ]
}

/** @param {any} ack */
function describe(ack) {
  if (ack.count === 0) return 'Last hour: nothing was acknowledged by this process.'
  return (
    `Last hour: median ${showDuration(ack.p50_ms)}, 95 % within ${showDuration(ack.p95_ms)}, ` +
    `99 % within ${showDuration(ack.p99_ms)}, slowest ${showDuration(ack.max_ms)}`
  )
}

/**
 * Minutes without a value part the line; one alone is a dot.
 * @param {(number | null)[]} values @param {string} colour
 * @param {(index: number) => number} x @param {(ms: number) => number} y
 */
function drawLine(values, colour, x, y) {
  const has = (/** @type {number} */ index) => typeof values[index] === 'number'
  const points = values.flatMap((value, index) =>
    value === null ? [] : [{ index, cx: x(index).toFixed(1), cy: y(value).toFixed(1) }],
  )
  const path = points.map(({ index, cx, cy }) => `${has(index - 1) ? 'L' : 'M'}${cx} ${cy}`)
  const lonely = points.filter(({ index }) => !has(index - 1) && !has(index + 1))
  return [
    draw('path', { d: path.join(''), class: 'line', 'data-colour': colour }),
    ...lonely.map(({ cx, cy }) => draw('circle', { cx, cy, r: 2.5, 'data-colour': colour })),
  ]
}

/** @param {string} colour @param {string} text */
function key(colour, text) {
  const dot = make('i')
  dot.dataset.colour = colour
  return make('li', '', dot, text)
}

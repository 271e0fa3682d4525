// @ts-check
import { createChartFrame, drawGrid, drawTimes, isLongSpan, LEFT, scaleUp } from './chart-frame.js'
import { draw, make, write } from './elements.js'
import { cut, showNumber } from './format.js'
import { niceTop, stackBars } from './stack-bars.js'
import { sync } from './sync.js'
import { bucketLabel } from './times.js'
import { colourTypes } from './type-colours.js'

/**
 * @typedef {import('./stack-bars.js').Series} Series
 * @typedef {{ bars: import('./stack-bars.js').Segment[][], types: Series[], from: number, bucketMs: number, spanText: string }} Shown
 */

/**
 * Bars of counts by type. The line above tells of the bar under the pointer, or of the one that the
 * arrow keys chose; without, of the whole.
 */
export function createBarChart() {
  const frame = createChartFrame()
  const { drawing } = frame
  drawing.setAttribute('tabindex', '0')
  const legend = make('ul', 'keys')
  let shown = /** @type {Shown | undefined} */ (undefined)
  let chosen = -1

  function choose(/** @type {number} */ index) {
    chosen = index
    if (!shown) return
    const isOne = index >= 0 && index < shown.bars.length
    for (const rect of drawing.querySelectorAll('rect')) {
      rect.classList.toggle('dim', isOne && Number(rect.getAttribute('data-bar')) !== index)
    }
    frame.tell(describe(shown, isOne ? index : -1), '. Arrow keys go from bar to bar.')
  }

  drawing.addEventListener('pointermove', (event) => {
    const x = event.clientX - drawing.getBoundingClientRect().left
    const share = (x - LEFT) / (frame.width() - LEFT)
    choose(Math.floor(share * (shown?.bars.length ?? 0)))
  })
  drawing.addEventListener('pointerleave', () => choose(-1))
  drawing.addEventListener('blur', () => choose(-1))
  drawing.addEventListener('keydown', (event) => {
    const next = nextBar(event.key, chosen, (shown?.bars.length ?? 0) - 1)
    if (next === undefined) return
    event.preventDefault()
    choose(next)
  })

  return {
    node: make('div', 'figure', frame.told, drawing, legend),
    /** @param {{ from: string, to: string, bucket_seconds: number, types: Series[] }} series @param {string} spanText */
    show(series, spanText) {
      const { types, bucket_seconds: seconds } = series
      const from = Date.parse(series.from)
      const bucketMs = seconds * 1_000
      const bars = stackBars(types, Math.round((Date.parse(series.to) - from) / bucketMs))
      const now = { bars, types, from, bucketMs, spanText }
      shown = now
      const colours = colourTypes(types)
      frame.show((width) => drawBars(now, width, colours))
      showLegend(legend, types, colours)
      choose(chosen)
    },
  }
}

/** @param {string} key @param {number} chosen @param {number} last */
function nextBar(key, chosen, last) {
  const steps = new Map([
    ['ArrowLeft', chosen < 0 ? last : Math.max(0, chosen - 1)],
    ['ArrowRight', Math.min(last, chosen + 1)],
    ['Home', 0],
    ['End', last],
    ['Escape', -1],
  ])
  return steps.get(key)
}

/** @param {Shown} shown @param {number} width @param {Map<string, string>} colours */
function drawBars({ bars, from, bucketMs }, width, colours) {
  // Two at least: there is no half of an event.
  const top = niceTop(Math.max(2, ...bars.map((bar) => bar.at(-1)?.to ?? 0)))
  const y = scaleUp(top)
  const step = (width - LEFT) / Math.max(1, bars.length)
  const segments = bars.flatMap((bar, index) =>
    bar.map(({ type, from: low, to: high }) =>
      draw('rect', {
        x: (LEFT + index * step).toFixed(2),
        y: y(high).toFixed(2),
        width: Math.max(1, step - 1).toFixed(2),
        height: Math.max(0.6, y(low) - y(high)).toFixed(2),
        'data-colour': colours.get(type) ?? 'grey',
        'data-bar': index,
      }),
    ),
  )
  return [...drawGrid(width, top), ...segments, ...drawTimes(width, from, bars.length * bucketMs)]
}

/** @param {HTMLElement} legend @param {Series[]} types @param {Map<string, string>} colours */
function showLegend(legend, types, colours) {
  const create = (/** @type {Series} */ { type }) => {
    const dot = make('i')
    const figure = make('b')
    const node = make('li', '', dot, make('bdi', '', cut(type, 40)), figure)
    const update = (/** @type {Series} */ { total }) => {
      dot.dataset.colour = colours.get(type)
      write(figure, showNumber(total))
    }
    return { node, update }
  }
  sync(legend, types, { keyOf: ({ type }) => type, create })
}

/** One bar, or all of them. @param {Shown} shown @param {number} index */
function describe({ bars, types, from, bucketMs, spanText }, index) {
  if (index < 0) {
    const total = types.reduce((sum, one) => sum + one.total, 0)
    return `${spanText}: ${showNumber(total)} events`
  }
  const parts = bars[index] ?? []
  const start = from + index * bucketMs
  const when = bucketLabel(start, start + bucketMs, isLongSpan(bars.length * bucketMs))
  const named = parts.map(({ type, from: low, to }) => `${cut(type, 40)} ${showNumber(to - low)}`)
  const detail = named.length > 0 ? `: ${named.join(', ')}` : ''
  return `${when}, ${showNumber(parts.at(-1)?.to ?? 0)} events${detail}`
}

// @ts-check
import { draw } from './elements.js'

const SPARK_WIDTH = 120
const SPARK_HEIGHT = 22

/** A row of tiny bars, failures in red upon the rest; minutes of the last hour. */
export function createSpark() {
  const node = draw('svg', {
    viewBox: `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`,
    class: 'spark',
    'aria-hidden': 'true',
  })
  return {
    node,
    /** @param {number[]} done @param {number[]} failed */
    show(done, failed) {
      const top = Math.max(1, ...done.map((n, index) => n + (failed[index] ?? 0)))
      const width = SPARK_WIDTH / Math.max(1, done.length)
      const bar = (
        /** @type {number} */ index,
        /** @type {number} */ from,
        /** @type {number} */ n,
        /** @type {string} */ colour,
      ) =>
        n > 0
          ? [
              draw('rect', {
                x: (index * width).toFixed(2),
                width: (width - 0.4).toFixed(2),
                y: (SPARK_HEIGHT - ((from + n) / top) * SPARK_HEIGHT).toFixed(2),
                height: Math.max(1, (n / top) * SPARK_HEIGHT).toFixed(2),
                'data-colour': colour,
              }),
            ]
          : []
      node.replaceChildren(
        ...done.flatMap((n, index) => [
          ...bar(index, 0, n, 'green'),
          ...bar(index, n, failed[index] ?? 0, 'red'),
        ]),
      )
    },
  }
}

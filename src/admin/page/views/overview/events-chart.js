// @ts-check
import { createBarChart } from '../../parts/chart.js'
import { card, link, make } from '../../parts/elements.js'
import { writeRoute } from '../../parts/route.js'
import { joinRare } from '../../parts/stack-bars.js'

const SPANS = {
  '1h': 'Last hour',
  '6h': 'Last 6 hours',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
}

const MOST_TYPES = 9

/** The one that was asked for, if it can be had. @param {string | null} wanted */
export const chooseSpan = (wanted) => (wanted !== null && wanted in SPANS ? wanted : '24h')

/** Events by type over time. @param {string} span */
export function createEventsChart(span) {
  const bars = createBarChart()
  const choices = Object.entries(SPANS).map(([name]) => {
    const choice = link(writeRoute([], { span: name }), '', name)
    if (name === span) choice.setAttribute('aria-current', 'true')
    return choice
  })
  const chooser = make('nav', 'choices', ...choices)
  chooser.setAttribute('aria-label', 'Time span')
  const node = card('Events received', bars.node)
  node.classList.add('wide')
  node.querySelector('h2').append(chooser)
  return {
    node,
    show(/** @type {any} */ series) {
      const types = joinRare(series.types, MOST_TYPES)
      bars.show({ ...series, types }, SPANS[/** @type {keyof typeof SPANS} */ (span)])
    },
  }
}

// @ts-check
import { ask, NoAnswer } from '../parts/api.js'
import { card, make } from '../parts/elements.js'
import { createLatencyChart } from '../parts/line-chart.js'
import { chooseSpan, createEventsChart } from './overview/events-chart.js'
import { createHandlers } from './overview/handlers.js'
import { createLatest } from './overview/latest.js'
import { createRefused } from './overview/refused.js'
import { createSources } from './overview/sources.js'
import { createStates } from './overview/states.js'
import { createTotals } from './overview/totals.js'

/** The chart changes slowly, and is asked for every so many looks. */
const SERIES_EVERY = 5

/** @typedef {(path: string) => Promise<any>} Get */

/** Is it receiving, is it keeping up, which handler fails. @param {HTMLElement} root @param {URLSearchParams} query */
export function openOverview(root, query) {
  const span = chooseSpan(query.get('span'))
  const totals = createTotals()
  const chart = createEventsChart(span)
  const states = createStates()
  const handlers = createHandlers()
  const sources = createSources()
  const latency = createLatencyChart()
  const refused = createRefused()
  const latest = createLatest()
  const acks = card('Acknowledgement', latency.node)
  const nodes = [totals, chart, states, handlers, sources].map(({ node }) => node)
  const grid = make('div', 'grid', ...nodes, acks, refused.node, latest.node)
  root.replaceChildren(make('h1', 'unseen', 'Overview'), grid)
  let looks = 0

  return {
    title: 'Overview',
    async refresh(/** @type {boolean} */ isByHand) {
      const get = (/** @type {string} */ path) => ask(path, { isByHand })
      try {
        await showAll(get)
      } catch (error) {
        if (error instanceof NoAnswer && error.status === 503) await showAway(get)
        throw error
      }
    },
  }

  async function showAll(/** @type {Get} */ get) {
    const needsSeries = looks++ % SERIES_EVERY === 0
    const [stats, listed, recent, ack, known, series] = await Promise.all([
      get('api/stats'),
      get('api/handlers'),
      get('api/events?limit=10'),
      get('api/ack'),
      get('api/sources'),
      needsSeries ? get(`api/series?span=${span}`) : undefined,
    ])
    totals.show(stats, ack)
    if (series) chart.show(series)
    states.show(stats)
    handlers.show(listed.handlers)
    sources.show(known.sources)
    latency.show(ack)
    refused.show(stats.batches.refused_by_reason)
    latest.show(recent.events)
  }

  /** What the process knows without its store; the rest stays as it was. */
  async function showAway(/** @type {Get} */ get) {
    const [known, ack] = await Promise.all([get('api/process'), get('api/ack')])
    totals.showAway(known, ack)
    latency.show(ack)
    refused.show(known.batches.refused_by_reason)
  }
}

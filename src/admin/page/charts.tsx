import { useState } from 'preact/hooks'
import type { AckJson, SeriesJson } from '../api/overview.ts'
import {
  Grid,
  HEIGHT,
  inColour,
  isLongSpan,
  Key,
  LEFT,
  scaleUp,
  Times,
  useWidth,
} from './chart-frame.tsx'
import { bucketLabel, count, cut, showDuration, showNumber, showShortDuration } from './format.ts'
import { colourTypes, evenTop, joinRare, niceTop, type Segment, stackBars } from './series.ts'

const MOST_TYPES = 9

const STEPS: Readonly<Record<string, (chosen: number, last: number) => number>> = {
  ArrowLeft: (chosen, last) => (chosen < 0 ? last : Math.max(0, chosen - 1)),
  ArrowRight: (chosen, last) => Math.min(last, chosen + 1),
  Home: () => 0,
  End: (_chosen, last) => last,
  Escape: () => -1,
}

/**
 * Bars of counts by type. The line above tells of the bar under the pointer, or of the one that the
 * arrow keys chose; without, of the whole.
 */
export function BarChart({ series, spanText }: { series: SeriesJson; spanText: string }) {
  const { drawing, width } = useWidth()
  const [chosen, choose] = useState(-1)
  const types = joinRare(series.types, MOST_TYPES)
  const colours = colourTypes(types)
  const from = Date.parse(series.from ?? '')
  const bucketMs = series.bucket_seconds * 1_000
  const bars = stackBars(types, Math.round((Date.parse(series.to ?? '') - from) / bucketMs))
  const top = evenTop(Math.max(0, ...bars.map((bar) => bar.at(-1)?.to ?? 0)))
  const step = (width - LEFT) / Math.max(1, bars.length)
  const one = bars[chosen]
  const told = one
    ? describeBar(one, from + chosen * bucketMs, { bucketMs, bars: bars.length })
    : `${spanText}: ${count(
        types.reduce((sum, { total }) => sum + total, 0),
        'event',
      )}`

  return (
    <div class="figure">
      <p class="told">{told}</p>
      <svg
        ref={drawing}
        class="chart"
        role="img"
        viewBox={`0 0 ${width} ${HEIGHT}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys go from bar to bar
        tabIndex={0}
        aria-label={`${told}. Arrow keys go from bar to bar.`}
        onPointerMove={(event) => {
          const x = event.clientX - event.currentTarget.getBoundingClientRect().left
          choose(Math.floor((x - LEFT) / step))
        }}
        onPointerLeave={() => choose(-1)}
        onBlur={() => choose(-1)}
        onKeyDown={(event) => {
          const next = STEPS[event.key]
          if (next === undefined) return
          event.preventDefault()
          choose(next(chosen, bars.length - 1))
        }}
      >
        <Grid width={width} top={top} />
        <Bars bars={bars} width={width} top={top} chosen={one && chosen} colours={colours} />
        <Times width={width} from={from} spanMs={bars.length * bucketMs} />
      </svg>
      <ul class="keys">
        {types.map(({ type, total }) => (
          <Key key={type} colour={colours.get(type) ?? 'grey'}>
            <bdi>{cut(type, 40)}</bdi>
            <b>{showNumber(total)}</b>
          </Key>
        ))}
      </ul>
    </div>
  )
}

function Bars(props: {
  bars: readonly (readonly Segment[])[]
  width: number
  top: number
  /** The others are dimmed. */
  chosen: number | undefined
  colours: ReadonlyMap<string, string>
}) {
  const { bars, width, top, chosen, colours } = props
  const y = scaleUp(top)
  const step = (width - LEFT) / Math.max(1, bars.length)
  return (
    <>
      {bars.map((bar, index) =>
        bar.map((segment) => (
          <rect
            x={(LEFT + index * step).toFixed(2)}
            y={y(segment.to).toFixed(2)}
            width={Math.max(1, step - 1).toFixed(2)}
            height={Math.max(0.6, y(segment.from) - y(segment.to)).toFixed(2)}
            style={inColour(colours.get(segment.type))}
            class={chosen === undefined || index === chosen ? undefined : 'dim'}
          />
        )),
      )}
    </>
  )
}

function describeBar(
  bar: readonly Segment[],
  start: number,
  { bucketMs, bars }: { bucketMs: number; bars: number },
): string {
  const when = bucketLabel(start, start + bucketMs, isLongSpan(bars * bucketMs))
  const named = bar.map(({ type, from, to }) => `${cut(type, 40)} ${showNumber(to - from)}`)
  const detail = named.length > 0 ? `: ${named.join(', ')}` : ''
  return `${when}, ${count(bar.at(-1)?.to ?? 0, 'event')}${detail}`
}

/** Latencies by minute: the median and the slowest hundredth. */
export function LatencyChart({ ack }: { ack: AckJson }) {
  const { drawing, width } = useWidth()
  const lines = [
    { colour: 'orange', values: ack.minutes.map((one) => one.p99_ms) },
    { colour: 'blue', values: ack.minutes.map((one) => one.p50_ms) },
  ]
  const top = niceTop(Math.max(0, ...lines.flatMap(({ values }) => values.map((ms) => ms ?? 0))))
  const spanMs = ack.minutes.length * ack.bucket_seconds * 1_000
  const told =
    ack.count === 0
      ? 'Last hour: nothing was acknowledged by this process.'
      : `Last hour: median ${showDuration(ack.p50_ms)}, 95 % within ${showDuration(ack.p95_ms)}, ` +
        `99 % within ${showDuration(ack.p99_ms)}, slowest ${showDuration(ack.max_ms)}`
  return (
    <div class="figure">
      <p class="told">{told}</p>
      <svg
        ref={drawing}
        class="chart"
        role="img"
        viewBox={`0 0 ${width} ${HEIGHT}`}
        aria-label={told}
      >
        <Grid width={width} top={top} show={showShortDuration} />
        {lines.map(({ colour, values }) => (
          <Line colour={colour} values={values} width={width} y={scaleUp(top)} />
        ))}
        <Times width={width} from={Date.parse(ack.from ?? '')} spanMs={spanMs} />
      </svg>
      <ul class="keys">
        <Key colour="blue">median</Key>
        <Key colour="orange">99 of 100 are faster</Key>
      </ul>
    </div>
  )
}

/** Minutes without a value part the line; one alone is a dot. */
function Line(props: {
  colour: string
  values: readonly (number | null)[]
  width: number
  y: (ms: number) => number
}) {
  const { colour, values, width, y } = props
  const has = (index: number) => typeof values[index] === 'number'
  const x = (index: number) => LEFT + ((index + 0.5) / values.length) * (width - LEFT)
  const points = values.flatMap((value, index) =>
    value === null ? [] : [{ index, cx: x(index).toFixed(1), cy: y(value).toFixed(1) }],
  )
  const path = points.map(({ index, cx, cy }) => `${has(index - 1) ? 'L' : 'M'}${cx} ${cy}`)
  const lonely = points.filter(({ index }) => !has(index - 1) && !has(index + 1))
  return (
    <>
      <path d={path.join('')} class="line" style={inColour(colour)} />
      {lonely.map(({ cx, cy }) => (
        <circle cx={cx} cy={cy} r={2.5} style={inColour(colour)} />
      ))}
    </>
  )
}

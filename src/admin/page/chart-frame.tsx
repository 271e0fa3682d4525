import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { axisLabel, showShort } from './format.ts'

export const HEIGHT = 150
export const LEFT = 56
const BOTTOM = 18
const TOP = 8
const USUAL_WIDTH = 720
const DAY_MS = 86_400_000

/** Whether a day's time alone would not say when. */
export const isLongSpan = (spanMs: number) => spanMs > DAY_MS

/** For what is drawn in one of the colours of `colours.css`. */
export const inColour = (name = 'grey') => ({ '--colour': `var(--${name})` })

/** From a value to its height. */
export const scaleUp = (top: number) => (value: number) =>
  HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP)

/** A drawing as wide as its place, so that its texts keep their size. */
export function useWidth() {
  const drawing = useRef<SVGSVGElement>(null)
  const [width, setWidth] = useState(USUAL_WIDTH)
  useLayoutEffect(() => {
    const measure = () => setWidth(Math.round(drawing.current?.clientWidth ?? 0) || USUAL_WIDTH)
    const observer = new ResizeObserver(measure)
    if (drawing.current) observer.observe(drawing.current)
    measure()
    return () => observer.disconnect()
  }, [])
  return { drawing, width }
}

export function Grid(props: { width: number; top: number; show?: (value: number) => string }) {
  const y = scaleUp(props.top)
  const { show = showShort } = props
  return (
    <>
      {[0, props.top / 2, props.top].map((value) => [
        <line x1={LEFT} x2={props.width} y1={y(value)} y2={y(value)} class="rule" />,
        <text x={LEFT - 8} y={y(value) + 4} class="end">
          {show(value)}
        </text>,
      ])}
    </>
  )
}

/** Times along the axis, as many as there is room for. */
export function Times({ width, from, spanMs }: { width: number; from: number; spanMs: number }) {
  const steps = width < 500 ? 2 : 4
  return (
    <>
      {Array.from({ length: steps + 1 }, (_, step) => {
        const share = step / steps
        const place = share === 0 ? 'start' : share === 1 ? 'end' : 'middle'
        return (
          <text x={LEFT + share * (width - LEFT)} y={HEIGHT - 3} class={place}>
            {axisLabel(from + share * spanMs, isLongSpan(spanMs))}
          </text>
        )
      })}
    </>
  )
}

export function Key(props: { colour: string; children: ComponentChildren }) {
  return (
    <li>
      <i style={inColour(props.colour)} />
      {props.children}
    </li>
  )
}

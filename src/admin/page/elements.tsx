import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { explainFailure } from './api.ts'
import { cut, showDate, showInstant, splitHidden } from './format.ts'
import { writeRoute } from './route.ts'

/** What every view is made of. Content is written by strangers: it becomes text, and nothing else. */

/** An exact text of strangers: what hides in it is named and marked. */
export function Visible({ text }: { text: string }) {
  const parts = splitHidden(text)
  return (
    <>
      {parts.map(({ text: part, isHidden }) =>
        isHidden ? <span class="hidden-character">{part}</span> : part,
      )}
    </>
  )
}

/** A card with its title; what is `wide` goes over all columns. */
export function Card(props: {
  title?: string
  beside?: ComponentChildren
  isWide?: boolean
  /** Known also while the store is away. */
  isNow?: boolean
  children: ComponentChildren
}) {
  return (
    <section class={`card${props.isWide ? ' wide' : ''}${props.isNow ? ' now' : ''}`}>
      {props.title && (
        <h2>
          {props.title}
          {props.beside}
        </h2>
      )}
      {props.children}
    </section>
  )
}

export function Pill({ state }: { state: string }) {
  return (
    <span class="pill" data-state={state}>
      {state}
    </span>
  )
}

/** A type or a name of strangers that leads to a view. */
export function NameLink(props: { to: readonly string[]; name: string; isCurrent?: boolean }) {
  return (
    <a href={writeRoute(props.to)} aria-current={props.isCurrent ? 'true' : undefined}>
      <bdi>{cut(props.name, 64)}</bdi>
    </a>
  )
}

/** The time of day of today's, else date and time; both on hovering. */
export function Time({ at }: { at: string | null }) {
  if (at === null) return <span>–</span>
  const date = new Date(at)
  return (
    <time datetime={at} title={`${showDate(date)} (${at})`}>
      {showInstant(date)}
    </time>
  )
}

/** With the zone that the page uses and without: for those who compare it with logs. */
export function exactTime(at: string | null): ComponentChildren {
  return at === null ? null : <span>{[<Time at={at} />, <span class="under">{at}</span>]}</span>
}

/** A list of names with what they are; those without a value are left out. */
export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  const given = facts.filter(([, value]) => value !== null && value !== '' && value !== false)
  return (
    <dl class="facts">
      {given.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Before it, nobody has read what is asked. */
const DELIBERATE_MS = 600
const ARMED_MS = 4_000

/**
 * A button that cannot be pressed again before what it began has ended. It keeps the keyboard
 * meanwhile, which one that is `disabled` would lose. What cannot be taken back is asked first: with
 * `ask`, the first press shows the question and the second does it.
 */
export function Button(props: {
  children: string
  onPress: () => unknown
  ask?: string
  label?: string
  isDisabled?: boolean
  className?: string
  isPressed?: boolean
}) {
  const [isBusy, setBusy] = useState(false)
  const [isArmed, setArmed] = useState(false)
  useEffect(() => {
    if (!isArmed) return
    const timer = window.setTimeout(() => setArmed(false), ARMED_MS)
    return () => clearTimeout(timer)
  }, [isArmed])

  async function press(event: MouseEvent) {
    // The second half of a double click, which people make who mean one.
    if (event.detail > 1 || isBusy) return
    setBusy(true)
    try {
      if (props.ask !== undefined && !isArmed) {
        setArmed(true)
        await new Promise((resolve) => setTimeout(resolve, DELIBERATE_MS))
      } else {
        setArmed(false)
        await props.onPress()
      }
    } finally {
      setBusy(false)
    }
  }

  return (
    <button
      type="button"
      class={props.className}
      aria-label={props.label}
      aria-disabled={isBusy ? 'true' : undefined}
      aria-pressed={props.isPressed}
      disabled={props.isDisabled}
      data-armed={isArmed ? 'true' : undefined}
      onKeyDown={(event) => event.repeat && event.preventDefault()}
      onClick={press}
    >
      {isArmed ? props.ask : props.children}
    </button>
  )
}

/** Does work, and tells how it ended in a line at the window's foot. */
export type Run = (work: () => Promise<string>) => Promise<void>

export function useNotice(): { run: Run; notice: ComponentChildren } {
  const [told, tell] = useState({ state: '', text: '' })
  const run: Run = async (work) => {
    tell({ state: 'waiting', text: 'Under way…' })
    await work().then(
      (text) => tell({ state: 'live', text }),
      (error: unknown) => tell({ state: 'lost', text: `Not done: ${explainFailure(error)}` }),
    )
  }
  const notice = (
    <p class="notice" role="status" data-state={told.state}>
      {told.text}
    </p>
  )
  return { run, notice }
}

import { type ComponentChildren, cloneElement, type RefObject, type VNode } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { EventJson } from '../api/events.ts'
import { NameLink, Pill, Time } from './elements.tsx'
import { count, cut } from './format.ts'
import { writeRoute } from './route.ts'

/** A column's title; `number` columns are right-aligned, `roomy` ones go where there is little room. */
export type Column = string | readonly [title: ComponentChildren, className: string]

export function Head({ columns }: { columns: readonly Column[] }) {
  return (
    <thead>
      <tr>
        {columns.map((column) => {
          const [title, className] = typeof column === 'string' ? [column, ''] : column
          return (
            <th scope="col" class={className}>
              {title}
            </th>
          )
        })}
      </tr>
    </thead>
  )
}

export interface ListProps<Row> {
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  readonly columns: readonly Column[]
  /** Answers a `tr` for a row. */
  readonly show: (row: Row) => VNode
  readonly className: string
  /** What stands where the list is empty. */
  readonly none: ComponentChildren
  /** A person asked for these rows. */
  readonly isByHand: boolean
  /** What rows are, for the line that tells of those held back. */
  readonly noun?: string
}

/**
 * A table that keeps its place: while somebody points at a row, has the keyboard in one or has
 * scrolled into them, no other row comes into its place, and those that are there are brought up to
 * date.
 */
export function List<Row>(props: ListProps<Row>) {
  const { rows, keyOf, columns, show, className, none, isByHand, noun = 'newer row' } = props
  const body = useRef<HTMLTableSectionElement>(null)
  const shown = useRef<readonly Row[]>([])
  if (!isByHand && shown.current.length > 0 && isInUse(body.current)) {
    const fresh = new Map(rows.map((row) => [keyOf(row), row]))
    shown.current = shown.current.map((row) => fresh.get(keyOf(row)) ?? row)
  } else shown.current = rows
  const known = new Set(shown.current.map(keyOf))
  const more = rows.filter((row) => !known.has(keyOf(row))).length
  useFocusInNextRow(body)

  if (shown.current.length === 0) return <p class="none">{none}</p>
  return (
    <>
      <p class="held">{more > 0 ? `${count(more, noun)}: shown when you leave the list` : ''}</p>
      <div class="scroll">
        <table class={className}>
          <Head columns={columns} />
          <tbody ref={body}>
            {shown.current.map((row) => cloneElement(show(row), { key: keyOf(row) }))}
          </tbody>
        </table>
      </div>
    </>
  )
}

function isInUse(body: HTMLElement | null): boolean {
  if (body === null) return false
  return body.matches(':hover, :focus-within') || body.getBoundingClientRect().top < 0
}

/** When the row that has the keyboard goes, it goes on in the next one, at the same control. */
function useFocusInNextRow(body: RefObject<HTMLElement | null>): void {
  const active = document.activeElement
  const row = active && body.current?.contains(active) ? active.closest('tr') : null
  const index = row ? [...(body.current?.children ?? [])].indexOf(row) : -1
  useLayoutEffect(() => {
    if (active === null || index < 0 || active.isConnected) return
    const rows = body.current?.children ?? []
    const next = rows[Math.min(index, rows.length - 1)]
    next?.querySelector<HTMLElement>(active.localName)?.focus()
  })
}

const EVENT_COLUMNS: readonly Column[] = [
  'Received',
  'Event',
  'Recipient, or id',
  ['Source', 'roomy'],
  'State',
]

/** On a phone its rows are laid out in another way. */
export function EventList(props: {
  events: readonly EventJson[]
  none: ComponentChildren
  isByHand: boolean
}) {
  return (
    <List
      rows={props.events}
      keyOf={({ id }) => id}
      columns={EVENT_COLUMNS}
      className="events"
      none={props.none}
      isByHand={props.isByHand}
      noun="newer event"
      show={(event) => {
        const about = cut(event.recipient ?? event.event_id ?? event.id, 100)
        return (
          <tr>
            <td>
              <Time at={event.received_at} />
            </td>
            <td>
              <NameLink to={['events', event.id]} name={event.type} />
            </td>
            <td class="soft">
              <bdi>{event.is_test ? `${about}, a test` : about}</bdi>
            </td>
            <td class="roomy">
              <bdi>{cut(event.source, 60)}</bdi>
            </td>
            <td>
              <Pill state={event.state} />
            </td>
          </tr>
        )
      }}
    />
  )
}

/** Links to the other pages of a list, whose place stands in the address. */
export function Pages(props: {
  segments: readonly string[]
  query?: Readonly<Record<string, string>>
  /** Where this page begins. */
  cursor: string | null
  /** Where the next one begins. */
  next: string | null
  olderText?: string
}) {
  const { segments, query = {}, cursor, next, olderText = 'Older' } = props
  return (
    <>
      {cursor !== null && (
        <a class="button" href={writeRoute(segments, query)}>
          Newest
        </a>
      )}
      {next !== null && (
        <a class="button" href={writeRoute(segments, { ...query, cursor: next })}>
          {olderText}
        </a>
      )}
    </>
  )
}

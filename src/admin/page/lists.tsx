import type { ComponentChildren, Ref, RefObject } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { EventJson } from '../api/events.ts'
import { NameLink, Pill, Time } from './elements.tsx'
import { count, cut } from './format.ts'
import { writeRoute } from './route.ts'

/** How a column looks. */
interface ColumnLook {
  /** `number` columns are right-aligned, `roomy` ones go where there is little room, `cut` ones have one line. */
  readonly className?: string
  /** Where all of the table's columns have the width that they are told. */
  readonly width?: string
  /** Where a phone has it, on which a row is a grid of a few lines: `line / column / auto / end`. */
  readonly phone?: string
  /** What a phone, which shows no titles, writes before it. */
  readonly label?: string
}

/** What stands above it, and what it shows of a row. */
export type Column<Row> = readonly [
  title: ComponentChildren,
  show: (row: Row) => ComponentChildren,
  look?: ColumnLook,
]

interface TableProps<Row> {
  readonly rows: readonly Row[]
  /** What stands there without rows. */
  readonly none: string
  readonly keyOf: (row: Row) => string
  readonly columns: readonly Column<Row>[]
  /** With `rows` in it, no row is wider than a phone. */
  readonly className?: string
}

export function Table<Row>(props: TableProps<Row> & { body?: Ref<HTMLTableSectionElement> }) {
  const { rows, none, keyOf, columns, className, body = null } = props
  if (rows.length === 0) return <p class="none">{none}</p>
  return (
    <div class="scroll">
      <table class={className}>
        <thead>
          <tr>
            {columns.map(([title, _show, look]) => (
              <th scope="col" class={look?.className} style={{ width: look?.width }}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(([_title, show, look]) => (
                <td
                  class={look?.className}
                  style={{ '--phone': look?.phone }}
                  data-label={look?.label}
                >
                  {show(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/**
 * A table that keeps its place: while somebody points at a row, has the keyboard in one or has
 * scrolled into them, no other row comes into its place, and those that are there are brought up to
 * date.
 */
export function List<Row>(
  props: TableProps<Row> & {
    /** A person asked for these rows. */
    readonly isByHand: boolean
    /** What rows are, for the line that tells of those held back. */
    readonly noun?: string
  },
) {
  const { rows, keyOf, isByHand, noun = 'newer row' } = props
  const body = useRef<HTMLTableSectionElement>(null)
  const shown = useRef<readonly Row[]>([])
  if (!isByHand && shown.current.length > 0 && isInUse(body.current)) {
    const fresh = new Map(rows.map((row) => [keyOf(row), row]))
    shown.current = shown.current.map((row) => fresh.get(keyOf(row)) ?? row)
  } else shown.current = rows
  const known = new Set(shown.current.map(keyOf))
  const more = rows.filter((row) => !known.has(keyOf(row))).length
  useFocusInNextRow(body)

  return (
    <>
      <p class="held">{more > 0 ? `${count(more, noun)}: shown when you leave the list` : ''}</p>
      <Table {...props} rows={shown.current} body={body} />
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

const EVENT_COLUMNS: readonly Column<EventJson>[] = [
  ['Received', (event) => <Time at={event.received_at} />, { className: 'end', phone: '2 / 4' }],
  [
    'Event',
    (event) => <NameLink to={['events', event.id]} name={event.type} />,
    { phone: '1 / 1 / auto / 4' },
  ],
  ['Recipient, or id', aboutEvent, { className: 'soft cut', phone: '2 / 1 / auto / 4' }],
  ['Source', (event) => <bdi>{cut(event.source, 60)}</bdi>, { className: 'roomy' }],
  ['State', (event) => <Pill state={event.state} />, { className: 'end', phone: '1 / 4' }],
]

function aboutEvent(event: EventJson) {
  const about = cut(event.recipient ?? event.event_id ?? event.id, 100)
  return <bdi>{event.is_test ? `${about}, a test` : about}</bdi>
}

export function EventList(props: {
  events: readonly EventJson[]
  none: string
  isByHand: boolean
}) {
  return (
    <List
      rows={props.events}
      keyOf={({ id }) => id}
      columns={EVENT_COLUMNS}
      className="rows events"
      none={props.none}
      isByHand={props.isByHand}
      noun="newer event"
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

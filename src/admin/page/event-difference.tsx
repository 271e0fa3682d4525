import type { EventDetailJson } from '../api/events.ts'
import { Card, NameLink, Time, Visible } from './elements.tsx'
import { compareFields, type FieldDifference } from './indent-json.ts'
import { type Column, Table } from './lists.tsx'

const COLUMNS: readonly Column<FieldDifference>[] = [
  ['Field', ([field]) => <Visible text={field} />, { width: '22%', phone: '1 / 1 / auto / -1' }],
  ['First', ([, first]) => <Value text={first} />],
  ['This one', ([, , other]) => <Value text={other} />],
]

function Value({ text }: { text: string | null }) {
  return text === null ? <span class="soft">not there</span> : <Visible text={text} />
}

/** Of a conflict: both contents side by side, in what they differ. */
export function Difference({ event, first }: { event: EventDetailJson; first: EventDetailJson }) {
  const differences = compareFields(first.payload, event.payload) ?? []
  return (
    <Card title="What differs from the first event with this id" isWide>
      <p class="soft">
        The first one is <NameLink to={['events', first.id]} name={first.type} />, received{' '}
        <Time at={first.received_at} />.
      </p>
      {differences.length === 0 ? (
        <p class="none">Only how it is written: compare their payloads.</p>
      ) : (
        <Table
          rows={differences}
          keyOf={([field]) => field}
          columns={COLUMNS}
          className="rows fixed difference"
        />
      )}
    </Card>
  )
}

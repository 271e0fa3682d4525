import type { EventDetailJson } from '../api/events.ts'
import { Card, NameLink, Time, Visible } from './elements.tsx'
import { compareFields } from './indent-json.ts'
import { Head } from './lists.tsx'

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
        <table class="difference">
          <Head columns={['Field', 'First', 'This one']} />
          <tbody>
            {differences.map(([field, ...values]) => (
              <tr key={field}>
                <td>
                  <Visible text={field} />
                </td>
                {values.map((value) => (
                  <td class={value === null ? 'soft' : undefined}>
                    {value === null ? 'not there' : <Visible text={value} />}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  )
}

import type { AuditJson } from '../api/audit.ts'
import { listFields } from '../api/in-words.ts'
import { ask } from './api.ts'
import { Card, Time } from './elements.tsx'
import { cut, showNumber, words } from './format.ts'
import { List, Pages } from './lists.tsx'
import { useLook } from './look.ts'

const PAGE = 100

interface Found {
  readonly audit: readonly AuditJson[]
  readonly cursor: string | null
}

/** What people had done here. `cursor`: where the page of entries begins. */
export function Audit({ cursor }: { cursor: string | null }) {
  const asked = new URLSearchParams({ limit: String(PAGE), ...(cursor !== null && { cursor }) })
  const { answer, isByHand } = useLook((isByHand) => ask<Found>(`api/audit?${asked}`, isByHand))
  if (!answer) return <h1 class="unseen">Audit trail</h1>
  return (
    <Card title="Audit trail">
      <p class="soft">
        Every action has an entry when it begins, and one when it ends. Of who asked, the network is
        kept; nothing is ever taken from the trail.
      </p>
      <List
        rows={answer.audit}
        keyOf={({ id }) => id}
        columns={['At', 'Action', 'From', 'Came to', 'With']}
        className="audit"
        none="Nobody had anything done yet."
        isByHand={isByHand}
        noun="newer entry"
        show={entryRow}
      />
      <p class="actions">
        <Pages segments={['audit']} cursor={cursor} next={answer.cursor} />
      </p>
    </Card>
  )
}

function entryRow({ at, action, outcome, network, counts, parameters }: AuditJson) {
  return (
    <tr>
      <td>
        <Time at={at} />
      </td>
      <td>
        {action}
        <span class="under">{outcome}</span>
      </td>
      <td>
        <bdi>{network}</bdi>
      </td>
      <td>{listAll(counts)}</td>
      <td>
        <bdi>{cut(listAll(parameters))}</bdi>
      </td>
    </tr>
  )
}

const listAll = (fields: AuditJson['parameters']) => listFields(fields, showNumber, words) || '–'

import type { AuditJson, TrailJson } from '../api/audit.ts'
import { listFields } from '../api/in-words.ts'
import { Card, Time } from './elements.tsx'
import { cut, showNumber, words } from './format.ts'
import { type Column, List, Pages } from './lists.tsx'
import { useLook } from './look.ts'
import { writeQuery } from './route.ts'

const PAGE = 100

/** What people had done here. `cursor`: where the page of entries begins. */
export function Audit({ cursor }: { cursor: string | null }) {
  const path = `api/audit${writeQuery({ limit: PAGE, cursor })}`
  const { answer, isByHand } = useLook((get) => get<TrailJson>(path))
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
        columns={COLUMNS}
        className="rows audit"
        none="Nobody had anything done yet."
        isByHand={isByHand}
        noun="newer entry"
      />
      <p class="actions">
        <Pages segments={['audit']} cursor={cursor} next={answer.cursor} />
      </p>
    </Card>
  )
}

const COLUMNS: readonly Column<AuditJson>[] = [
  ['At', ({ at }) => <Time at={at} />, { className: 'end', phone: '1 / 4' }],
  ['Action', showAction, { phone: '1 / 1 / auto / 4' }],
  ['From', ({ network }) => <bdi>{network}</bdi>, { className: 'end', phone: '2 / 4' }],
  ['Came to', ({ counts }) => listAll(counts), { className: 'soft', phone: '2 / 1 / auto / 4' }],
  [
    'With',
    ({ parameters }) => <bdi>{cut(listAll(parameters))}</bdi>,
    { className: 'soft', phone: '3 / 1 / auto / -1' },
  ],
]

function showAction({ action, outcome }: AuditJson) {
  return [action, <span class="under">{outcome}</span>]
}

function listAll(fields: AuditJson['parameters']): string {
  return listFields(fields, showNumber, words) || '–'
}

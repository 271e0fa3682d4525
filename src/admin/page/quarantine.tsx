import type { EventsJson } from '../api/events.ts'
import { hexDump } from '../api/in-words.ts'
import type { PiecesJson, QuarantineJson } from '../api/quarantine.ts'
import { askBytes, NoAnswer, post } from './api.ts'
import { Button, Card, exactTime, Facts, type Run, Time, useNotice, Visible } from './elements.tsx'
import { count, cut, showBytes, showNumber, words } from './format.ts'
import { type Column, EventList, List, Pages } from './lists.tsx'
import { useLook } from './look.ts'
import { writeQuery, writeRoute } from './route.ts'

const PAGE = 100

/** What could not be read, and events whose id was taken. `cursor`: where the page of pieces begins. */
export function Quarantine({ cursor }: { cursor: string | null }) {
  const { run, notice } = useNotice()
  const { answer, isByHand } = useLook((get) =>
    Promise.all([
      get<PiecesJson>(`api/quarantine${writeQuery({ limit: PAGE, cursor })}`),
      get<EventsJson>('api/events?state=conflict&limit=50'),
    ]),
  )
  if (!answer) return <h1 class="unseen">Quarantine and conflicts</h1>
  const [pieces, conflicts] = answer
  return (
    <>
      <h1 class="unseen">Quarantine and conflicts</h1>
      <Pieces found={pieces} cursor={cursor} isByHand={isByHand} run={run} />
      <Card title="Conflicts">
        <p class="soft">
          The same id as an earlier event, with other content. Kept, and given to no handler unless
          you run it from its page.
        </p>
        <EventList
          events={conflicts.events}
          none="No event came with the id of another."
          isByHand={isByHand}
        />
        {conflicts.cursor !== null && (
          <p class="actions">
            <a class="button" href={writeRoute(['events'], { state: 'conflict' })}>
              All conflicts
            </a>
          </p>
        )}
      </Card>
      {notice}
    </>
  )
}

function Pieces(props: { found: PiecesJson; cursor: string | null; isByHand: boolean; run: Run }) {
  const { found, cursor, isByHand, run } = props
  const pieces = found.quarantine
  return (
    <Card title="Quarantine">
      <p class="soft">
        Authentic, but not to be read as events. Once the cause is mended, by a newer version of the
        receiver for example, let it read them again; what it still cannot read comes back here.
      </p>
      <List
        rows={pieces}
        keyOf={({ id }) => id}
        columns={pieceColumns(run)}
        className="rows pieces"
        none="Nothing was unreadable."
        isByHand={isByHand}
        noun="newer piece"
      />
      <p class="actions">
        {pieces.length > 0 && (
          <Button
            ask={`Really read ${count(pieces.length, 'piece')} again?`}
            onPress={() => run(() => readAgain(pieces.map(({ id }) => id)))}
          >
            Read all of this page again
          </Button>
        )}
        <Pages segments={['quarantine']} cursor={cursor} next={found.cursor} />
      </p>
    </Card>
  )
}

const pieceColumns = (run: Run): readonly Column<QuarantineJson>[] => [
  ['Received', (piece) => <Time at={piece.received_at} />, { phone: '2 / 1 / auto / -1' }],
  ['Reason', showReason, { phone: '1 / 1 / auto / 4' }],
  ['Source', (piece) => <bdi>{cut(piece.source, 60)}</bdi>, { className: 'roomy' }],
  ['Piece', (piece) => positionsOf(piece, '–'), { className: 'number roomy' }],
  ['Size', (piece) => showBytes(piece.bytes), { className: 'number roomy' }],
  [
    '',
    ({ id }) => (
      <Button onPress={() => run(() => readAgain([id]))} label={`Read again piece ${id}`}>
        Read again
      </Button>
    ),
    { className: 'number', phone: '1 / 4' },
  ],
]

function showReason({ id, reason, detail }: QuarantineJson) {
  return [
    <a href={writeRoute(['quarantine', id])}>{words(reason)}</a>,
    <bdi class="under">{cut(detail)}</bdi>,
  ]
}

function positionsOf({ position, pieces }: QuarantineJson, between: string): string {
  return pieces > 1 ? `${position}${between}${position + pieces - 1}` : String(position)
}

/** One after the other; one that is gone already is no failure. */
async function readAgain(ids: readonly string[]): Promise<string> {
  let again = 0
  for (const id of ids) {
    try {
      await post(`api/quarantine/${encodeURIComponent(id)}/replay`)
      again++
    } catch (error) {
      if (!(error instanceof NoAnswer) || error.status !== 404) throw error
    }
  }
  return `${count(again, 'piece')} will be read again.`
}

/** More would make the page slow; the download has it all. */
const SHOWN_BYTES = 32_768

/** One unreadable piece, byte by byte. */
export function Piece({ id }: { id: string }) {
  const { run, notice } = useNotice()
  const path = `api/quarantine/${encodeURIComponent(id)}`
  // It never changes.
  const { answer } = useLook(async (get, isByHand) =>
    isByHand ? Promise.all([get<QuarantineJson>(path), askBytes(`${path}/body`)]) : undefined,
  )
  if (!answer) return null
  const [piece, bytes] = answer
  const shown = bytes.subarray(0, SHOWN_BYTES)
  const left = bytes.length - shown.length
  const rest = left > 0 && `\n… and ${showBytes(left)} more: download them`
  return (
    <div class="grid">
      <Card isWide>
        <h1>{words(piece.reason)}</h1>
        <Facts
          facts={[
            ['Detail', <bdi>{cut(piece.detail, 1_000)}</bdi>],
            ['Source', piece.source],
            ['Received', exactTime(piece.received_at)],
            ['Batch', <a href={writeRoute(['events'], { batch: piece.batch })}>{piece.batch}</a>],
            [piece.pieces > 1 ? 'Pieces' : 'Piece', positionsOf(piece, ' to ')],
            ['Begins at byte', showNumber(piece.byte_offset)],
            ['Size', showBytes(piece.bytes)],
          ]}
        />
        <p class="actions">
          <Button onPress={() => run(() => readAgain([piece.id]))}>Read again</Button>
          <a class="button" href={`${path}/body`}>
            Download
          </a>
        </p>
        {notice}
      </Card>
      <Card title="As text" isWide>
        <pre class="payload raw">
          <Visible text={new TextDecoder().decode(shown)} />
          {rest}
        </pre>
      </Card>
      <Card title="As bytes" isWide>
        <pre class="payload hex">
          {hexDump(shown)}
          {rest}
        </pre>
      </Card>
    </div>
  )
}

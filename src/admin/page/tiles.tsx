import type { AckJson } from '../api/overview.ts'
import type { ProcessJson, StatsJson } from '../api/stats-schema.ts'
import { showAge, showAgo, showDuration, showNumber } from './format.ts'
import { sum } from './series.ts'

/** Older than this, and somebody should look. */
const OLD_SECONDS = 300

interface Tile {
  readonly name: string
  readonly figure: string
  readonly under: string
  readonly state?: 'late' | 'dead' | false
}

/** The figures on top. */
export function Tiles({ stats, ack }: { stats: StatsJson; ack: AckJson }) {
  return <TileList tiles={listTotals(stats, ack)} />
}

/** What is known while the store is away. */
export function AwayTiles({ process, ack }: { process: ProcessJson; ack: AckJson }) {
  const { spool } = process
  const under = spool ? 'batches are kept in the spool' : 'the provider sends again'
  const away: Tile = { name: 'Store', figure: 'away', under, state: 'dead' }
  const tiles = [away, ...(spool ? [spoolTile(spool)] : []), ackTile(ack), refusedTile(process)]
  return <TileList tiles={tiles} />
}

function TileList({ tiles }: { tiles: readonly Tile[] }) {
  return (
    <section class="wide">
      <h2 class="unseen">Figures</h2>
      <dl class="tiles">
        {tiles.map(({ name, figure, under, state }) => (
          <div key={name} data-state={state || undefined}>
            <dt>{name}</dt>
            <dd>{figure}</dd>
            <dd class="under">{under}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function listTotals(stats: StatsJson, ack: AckJson): Tile[] {
  const { events_per_second: rate } = stats.rates
  const dead = sum(Object.values(stats.jobs).map((jobs) => jobs.dead))
  const oldest = stats.oldest_pending_seconds
  return [
    {
      name: 'Events / s',
      figure: rate === null ? '–' : showNumber(rate),
      under: `${showNumber(stats.events.total)} kept`,
    },
    {
      name: 'Batches',
      figure: showNumber(stats.batches.received),
      under: `${showNumber(stats.duplicates)} events sent twice`,
    },
    ackTile(ack),
    ...(stats.spool && stats.spool.waiting > 0 ? [spoolTile(stats.spool)] : []),
    {
      name: 'Backlog',
      figure: showNumber(stats.backlog),
      under: stats.backlog > 0 ? `oldest received ${showAge(oldest)} ago` : 'nothing waits',
      state: stats.backlog > 0 && oldest > OLD_SECONDS && 'late',
    },
    {
      name: 'Dead jobs',
      figure: showNumber(dead),
      under: dead > 0 ? 'gave up; replay or discard' : 'no job gave up',
      state: dead > 0 && 'dead',
    },
    refusedTile(stats),
    {
      name: 'Quarantined',
      figure: showNumber(stats.quarantined),
      under: 'pieces nobody could read',
      state: stats.quarantined > 0 && 'late',
    },
    {
      name: 'Conflicts',
      figure: showNumber(stats.conflicts),
      under: 'same id, other content',
      state: stats.conflicts > 0 && 'late',
    },
  ]
}

function ackTile(ack: AckJson): Tile {
  const under =
    ack.count === 0 ? 'nothing in the last hour' : `99 % within ${showDuration(ack.p99_ms)}`
  return { name: 'Acknowledged in', figure: showDuration(ack.p50_ms), under }
}

/** Strangers are refused all the time; red is what the provider sent and nobody could keep. */
function refusedTile({ batches, verdict }: Pick<ProcessJson, 'batches' | 'verdict'>): Tile {
  const { refused, refused_by_reason: reasons } = batches
  const isFailing = verdict.some(({ cause }) => cause === 'not_ready')
  return {
    name: 'Refused',
    figure: showNumber(refused),
    under: reasons.store > 0 ? `${showNumber(reasons.store)} not kept` : 'requests since the start',
    state: isFailing && refused > 0 && 'dead',
  }
}

function spoolTile(spool: NonNullable<ProcessJson['spool']>): Tile {
  const { waiting, waiting_since: since, disk_used_percent: used } = spool
  return {
    name: 'Spool',
    figure: showNumber(waiting),
    under: waiting > 0 ? `batches, first ${showAgo(since, Date.now())}` : `disk ${used} % full`,
    state: waiting > 0 && 'late',
  }
}

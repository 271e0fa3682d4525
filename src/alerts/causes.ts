import { formatCounted, formatSpan } from '../counted.ts'
import type { Cause, Causes, Figures } from './cause.ts'
import { findStoreCauses } from './store-causes.ts'
import { findWebhookCauses } from './webhook-causes.ts'

const DAY_MS = 86_400_000
/** An event that nobody has tried for so long waits for more than its turn. */
const BEHIND_MS = 300_000
const CRASHES = 3
/** A handler without a process for so long does not merely begin again. */
const DOWN_MS = 60_000

/** In the order in which somebody should look at them. */
const TABLE: readonly ((figures: Figures) => Causes)[] = [
  findStoreCauses,
  findWebhookCauses,
  findRefused,
  findSilences,
  findCrashes,
  findBehind,
  findDead,
  findGrown,
  findPaused,
  findWatched,
]

/** Every cause there is at this moment. Pure. */
export function findCauses(figures: Figures): Cause[] {
  return TABLE.flatMap((find) => [...find(figures)])
}

function* findRefused({ watched: { refusedByAddress } }: Figures): Causes {
  if (!refusedByAddress) return
  const { count, since } = refusedByAddress
  yield {
    cause: 'refused_by_address',
    since,
    text: `${formatCounted(count, 'genuine request was', 'genuine requests were')} refused by address within an hour.`,
    remedy: 'Add the address to ALLOW_IPS; behind a load balancer let TRUST_PROXY name that.',
  }
}

function* findSilences({ silences, at }: Figures): Causes {
  for (const { source, since, limitMs, isSilent } of silences) {
    if (!isSilent) continue
    yield {
      cause: `source_silent:${source}`,
      since,
      text: `Nothing came from the source ${source} for ${formatSpan(at - since)}; more than ${formatSpan(limitMs)} is unusual.`,
      remedy: 'Look whether its webhook is active at the provider, and leads here.',
    }
  }
}

function* findCrashes({ handlers, watched, at }: Figures): Causes {
  for (const [name, crashes] of Object.entries(watched.crashes)) {
    const last = crashes.at(-1)
    const isDown = handlers[name]?.running === false && at - (last?.at ?? at) >= DOWN_MS
    if (crashes.length < CRASHES && !isDown) continue
    const [what, then] = isDown
      ? ['it does not run', '; its process ended']
      : [`its process ended ${crashes.length} times in the last five minutes`, ', the last time']
    yield {
      cause: `handler_crashing:${name}`,
      since: crashes[0]?.at,
      text: `The handler ${name} is crashing: ${what}${last?.exit ? `${then} with ${last.exit}` : ''}.`,
      remedy: 'mailtrap-receiver stats shows why; its events wait.',
    }
  }
}

function* findBehind({ store, at }: Figures): Causes {
  if (!store) return
  const { oldestWaitingAt = at, oldestUntriedAt, pausedAt } = store
  if (at - oldestWaitingAt >= BEHIND_MS) {
    yield {
      cause: 'unpacking_behind',
      since: oldestWaitingAt,
      text: `Batches are not unpacked: the oldest waits for ${formatSpan(at - oldestWaitingAt)}.`,
      remedy: 'Look whether a receiver with ROLE=work, or all, runs and keeps up.',
    }
  }
  for (const [name, since] of Object.entries(oldestUntriedAt)) {
    if (at - since < BEHIND_MS || Object.hasOwn(pausedAt, name)) continue
    yield {
      cause: `handler_behind:${name}`,
      since,
      text: `The handler ${name} is behind: its oldest event waits for ${formatSpan(at - since)}.`,
      remedy: `Look at what ${name} waits for, and at its concurrency, in mailtrap-receiver stats.`,
    }
  }
}

function* findDead({ store }: Figures): Causes {
  for (const [name, { dead }] of Object.entries(store?.jobs ?? {})) {
    if (dead === 0) continue
    yield {
      cause: `jobs_dead:${name}`,
      text: `${formatCounted(dead, 'job')} of the handler ${name} ${dead === 1 ? 'is' : 'are'} dead.`,
      remedy:
        'mailtrap-receiver jobs --state dead lists them: mend the cause and replay them, or discard them.',
      amount: dead,
    }
  }
}

/** What hardly ever goes down is news for a day. */
function* findGrown({ store, grewAt, at }: Figures): Causes {
  if (!store) return
  const { quarantined, conflicts } = store
  if (quarantined > 0 && at - grewAt.quarantined < DAY_MS) {
    yield {
      cause: 'quarantine',
      since: grewAt.quarantined,
      text: `${formatCounted(quarantined, 'piece is', 'pieces are')} in quarantine: authentic, but unreadable.`,
      remedy: 'mailtrap-receiver quarantine shows them; replay them once they can be read.',
      amount: quarantined,
    }
  }
  if (conflicts > 0 && at - grewAt.conflicts < DAY_MS) {
    yield {
      cause: 'conflicts',
      since: grewAt.conflicts,
      text: `${formatCounted(conflicts, 'event has', 'events have')} the id of another with other content, and did not run.`,
      remedy: 'mailtrap-receiver events --state conflict shows them; replay those that should run.',
      amount: conflicts,
    }
  }
}

function* findPaused({ store }: Figures): Causes {
  for (const [name, since] of Object.entries(store?.pausedAt ?? {})) {
    yield {
      cause: `handler_paused:${name}`,
      since,
      text: `The handler ${name} is paused: its events wait.`,
      remedy: `When its cause is mended: mailtrap-receiver handlers resume ${name}.`,
    }
  }
}

function* findWatched({ storeState, watched }: Figures): Causes {
  const { clockDoubtedAt, upkeepFailedAt } = watched
  if (clockDoubtedAt !== undefined) {
    yield {
      cause: 'clock',
      since: clockDoubtedAt,
      text: 'The clock may be wrong: nothing is forgotten by age until it is right.',
      remedy: 'Compare this machine’s clock with another.',
    }
  }
  // While the store itself fails, that is the cause.
  if (upkeepFailedAt !== undefined && storeState === 'ok') {
    yield {
      cause: 'upkeep',
      since: upkeepFailedAt,
      text: 'Background work of the store fails: it grows, and becomes slow.',
      remedy: 'The log says why, with the reason prune or background.',
    }
  }
}

import type { Cause, Figures } from './cause.ts'
import { findStoreCauses } from './store-causes.ts'
import { findWebhookCauses } from './webhook-causes.ts'
import { count, span } from './words.ts'

const DAY_MS = 86_400_000
/** An event that nobody has tried for so long waits for more than its turn. */
const BEHIND_MS = 300_000
const CRASHES = 3
/** A handler without a process for so long does not merely begin again. */
const DOWN_MS = 60_000

/** In the order in which somebody should look at them. */
const TABLE: readonly ((figures: Figures) => readonly Cause[])[] = [
  findStoreCauses,
  findWebhookCauses,
  findRefused,
  findSilences,
  findCrashes,
  findBehind,
  findDead,
  findQuarantine,
  findConflicts,
  findPaused,
  findClock,
  findUpkeep,
]

/** Every cause there is at this moment. Pure. */
export function findCauses(figures: Figures): Cause[] {
  return TABLE.flatMap((find) => find(figures))
}

function findRefused({ watched: { refusedByAddress } }: Figures): Cause[] {
  if (!refusedByAddress) return []
  const { count: n, since } = refusedByAddress
  return [
    {
      cause: 'refused_by_address',
      since,
      text: `${count(n, 'genuine request was', 'genuine requests were')} refused by address within an hour.`,
      remedy: 'Add the address to ALLOW_IPS; behind a load balancer let TRUST_PROXY name that.',
    },
  ]
}

function findSilences({ silences, at }: Figures): Cause[] {
  return silences
    .filter(({ isSilent }) => isSilent)
    .map(({ source, since, limitMs }) => ({
      cause: `source_silent:${source}`,
      since,
      text: `Nothing came from the source ${source} for ${span(at - since)}; more than ${span(limitMs)} is unusual.`,
      remedy: 'Look whether its webhook is active at the provider, and leads here.',
    }))
}

function findCrashes({ handlers, watched, at }: Figures): Cause[] {
  return Object.entries(watched.crashes).flatMap(([name, crashes]) => {
    const last = crashes.at(-1)
    const isDown = handlers[name]?.running === false && at - (last?.at ?? at) >= DOWN_MS
    if (crashes.length < CRASHES && !isDown) return []
    const what = isDown
      ? 'it does not run'
      : `its process ended ${crashes.length} times in the last five minutes`
    const how = last?.exit
      ? `${isDown ? '; its process ended' : ', the last time'} with ${last.exit}`
      : ''
    return [
      {
        cause: `handler_crashing:${name}`,
        since: crashes[0]?.at,
        text: `The handler ${name} is crashing: ${what}${how}.`,
        remedy: 'mailtrap-receiver stats shows why; its events wait.',
      },
    ]
  })
}

function findBehind({ store, at }: Figures): Cause[] {
  if (!store) return []
  const { oldestWaitingAt = at, oldestUntriedAt, pausedAt } = store
  const remedyOf = (name: string) =>
    `Look at what ${name} waits for, and at its concurrency, in mailtrap-receiver stats.`
  const behind = Object.entries(oldestUntriedAt)
    .filter(([name, since]) => at - since >= BEHIND_MS && !Object.hasOwn(pausedAt, name))
    .map(([name, since]) => ({
      cause: `handler_behind:${name}`,
      since,
      text: `The handler ${name} is behind: its oldest event waits for ${span(at - since)}.`,
      remedy: remedyOf(name),
    }))
  if (at - oldestWaitingAt < BEHIND_MS) return behind
  const text = `Batches are not unpacked: the oldest waits for ${span(at - oldestWaitingAt)}.`
  const remedy = 'Look whether a receiver with ROLE=work, or all, runs and keeps up.'
  return [{ cause: 'unpacking_behind', since: oldestWaitingAt, text, remedy }, ...behind]
}

function findDead({ store }: Figures): Cause[] {
  return Object.entries(store?.jobs ?? {})
    .filter(([, { dead }]) => dead > 0)
    .map(([name, { dead }]) => ({
      cause: `jobs_dead:${name}`,
      since: undefined,
      text: `${count(dead, 'job', 'jobs')} of the handler ${name} ${dead === 1 ? 'is' : 'are'} dead.`,
      remedy:
        'mailtrap-receiver jobs --state dead lists them: mend the cause and replay them, or discard them.',
      amount: dead,
    }))
}

function findQuarantine({ store, grewAt: { quarantined: since }, at }: Figures): Cause[] {
  if (!store || at - since >= DAY_MS || store.quarantined === 0) return []
  const n = store.quarantined
  const text = `${count(n, 'piece is', 'pieces are')} in quarantine: authentic, but unreadable.`
  const remedy = 'mailtrap-receiver quarantine shows them; replay them once they can be read.'
  return [{ cause: 'quarantine', since, text, remedy, amount: n }]
}

function findConflicts({ store, grewAt: { conflicts: since }, at }: Figures): Cause[] {
  if (!store || at - since >= DAY_MS || store.conflicts === 0) return []
  const n = store.conflicts
  const text = `${count(n, 'event has', 'events have')} the id of another with other content, and did not run.`
  const remedy =
    'mailtrap-receiver events --state conflict shows them; replay those that should run.'
  return [{ cause: 'conflicts', since, text, remedy, amount: n }]
}

function findPaused({ store }: Figures): Cause[] {
  return Object.entries(store?.pausedAt ?? {}).map(([name, since]) => ({
    cause: `handler_paused:${name}`,
    since,
    text: `The handler ${name} is paused: its events wait.`,
    remedy: `When its cause is mended: mailtrap-receiver handlers resume ${name}.`,
  }))
}

function findClock({ watched: { clockDoubtedAt: since } }: Figures): Cause[] {
  if (since === undefined) return []
  const text = 'The clock may be wrong: nothing is forgotten by age until it is right.'
  return [{ cause: 'clock', since, text, remedy: 'Compare this machine’s clock with another.' }]
}

/** While the store itself fails, that is the cause. */
function findUpkeep({ storeState, watched: { upkeepFailedAt: since } }: Figures): Cause[] {
  if (since === undefined || storeState !== 'ok') return []
  const text = 'Background work of the store fails: it grows, and becomes slow.'
  return [
    {
      cause: 'upkeep',
      since,
      text,
      remedy: 'The log says why, with the reason prune or background.',
    },
  ]
}

import * as z from 'zod'
import type { Random } from '../../providers/samples.ts'
import { randomUuid } from '../samples/sample-events.ts'

/**
 * What may go wrong on request, each a share from 0 to 1. The first four concern single events of
 * a batch when it is made, the fifth the whole batch, the others single attempts.
 */
export const FAULT_MEANINGS = {
  duplicate: 'events twice in their batch',
  changed_id: 'events that come a second time under another id',
  changed_content: 'events that come a second time with other content',
  broken: 'events cut off in the middle; in JSON that breaks the whole body',
  reorder: 'batches whose events are shuffled',
  redeliver: 'batches sent once more after a 200',
  bad_signature: 'attempts signed with a secret that nobody has',
  old_secret: 'attempts signed with the secret from before the last reset',
  tampered: 'attempts with a byte changed after signing',
  slow_body: 'attempts whose body takes 3 s',
} as const

type FaultName = keyof typeof FAULT_MEANINGS
export const FAULT_NAMES = Object.keys(FAULT_MEANINGS) as FaultName[]
const SHARE = z.number().min(0).max(1).exactOptional()

/** Shares; what is not named does not happen. A record of them would pass over a `__proto__`. */
export const FAULTS = z.strictObject(
  Object.fromEntries(FAULT_NAMES.map((name) => [name, SHARE])) as Record<FaultName, typeof SHARE>,
)
export type Faults = Readonly<z.output<typeof FAULTS>>

/** True as often as asked for. */
export function occurs(name: FaultName, faults: Faults, random: Random): boolean {
  const share = faults[name] ?? 0
  // No draw without a fault: a seed then gives the same events with and without this room.
  return share > 0 && random() < share
}

/** The events of a batch, spoiled as asked for. */
export function spoilEvents(
  events: readonly string[],
  faults: Faults,
  random: Random,
): readonly string[] {
  const spoiled = events.flatMap((event) => spoilEvent(event, faults, random))
  return occurs('reorder', faults, random) ? shuffle(spoiled, random) : spoiled
}

function spoilEvent(event: string, faults: Faults, random: Random): string[] {
  const texts = [event]
  if (occurs('duplicate', faults, random)) texts.push(event)
  const addChanged = (change: object) =>
    texts.push(JSON.stringify({ ...JSON.parse(event), ...change }))
  if (occurs('changed_id', faults, random)) {
    const key = 'event_id' in JSON.parse(event) ? 'event_id' : 'id'
    addChanged({ [key]: randomUuid(random) })
  }
  if (occurs('changed_content', faults, random)) addChanged({ changed_by: 'simulator' })
  if (occurs('broken', faults, random)) texts.push(event.slice(0, event.length / 2))
  return texts
}

function shuffle(items: readonly string[], random: Random): string[] {
  const shuffled = [...items]
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const item = shuffled[last] as string
    shuffled[last] = shuffled[other] as string
    shuffled[other] = item
  }
  return shuffled
}

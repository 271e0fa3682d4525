import type { NamedReceiver, Part } from '../bench-options.ts'
import { EVENTS_PER_BATCH } from '../load/sample-batches.ts'
import { readFolderBytes } from '../machine/folder-bytes.ts'
import { startProviderSample } from '../servers/start-provider-sample.ts'
import { type AckFigures, checkJournal, measureAcks } from './measure-acks.ts'
import { measureOutcomes, type OutcomeFigures, type OutcomeLoad } from './measure-outcomes.ts'
import { attempt, type Means, stopping, withEmptyFolder, withReceiver } from './round-means.ts'

/** What one receiver did in one round; undefined: not asked for, or not possible. */
export interface ReceiverRound {
  acks?: AckFigures | undefined
  calm?: AckFigures | undefined
  one?: OutcomeFigures | undefined
  three?: OutcomeFigures | undefined
  singles?: OutcomeFigures | undefined
  tens?: OutcomeFigures | undefined
  lines?: OutcomeFigures | undefined
}

/** A receiver, and what it can. */
export interface MeasuredReceiver extends NamedReceiver {
  /** It does the main job only: one handler, no JSON Lines, no PostgreSQL. */
  readonly isSketch: boolean
}

/** Of the provider's sample. */
const CALM_SHARE = 1 / 5

/** A receiver that does all of it tells its version. */
export function describeReceiver(means: Means, receiver: NamedReceiver): Promise<MeasuredReceiver> {
  return withReceiver(means, { receiver, part: 'look' }, async (server) => {
    const { version } = await server.stats()
    return { ...receiver, isSketch: version === undefined }
  })
}

export function runSample({ client, options, folder }: Means): Promise<AckFigures> {
  const { warmUpMs, measureMs, fullBatches: batches } = options
  return withEmptyFolder(folder, async () => {
    const server = await startProviderSample(folder)
    return stopping(server, () => measureAcks(client, server, { batches, warmUpMs, measureMs }))
  })
}

type Turn = {
  readonly part: Part
  readonly key: keyof ReceiverRound
  readonly isForSketch: boolean
  readonly what: string
}

const TURNS: readonly Turn[] = [
  { part: 'b', key: 'acks', isForSketch: true, what: 'acks' },
  { part: 'calm', key: 'calm', isForSketch: true, what: 'acks at a fifth of the load' },
  { part: 'c1', key: 'one', isForSketch: true, what: 'end to end, one handler' },
  { part: 'c3', key: 'three', isForSketch: false, what: 'end to end, three handlers' },
  { part: 'd', key: 'singles', isForSketch: true, what: 'batches of one event' },
  { part: 'd', key: 'tens', isForSketch: true, what: 'batches of ten events' },
  { part: 'lines', key: 'lines', isForSketch: false, what: 'JSON Lines' },
]

/** Part by part, so that what is compared is measured close together. */
export async function runReceiverParts(
  means: Means,
  receivers: readonly MeasuredReceiver[],
  sample: AckFigures | undefined,
): Promise<Record<string, ReceiverRound>> {
  const rounds = new Map(receivers.map(({ name }) => [name, {} as ReceiverRound]))
  const perSecond = sample && sample.ackedPerSecond * CALM_SHARE
  for (const { part, key, isForSketch, what } of TURNS) {
    if (!means.options.parts.includes(part)) continue
    for (const receiver of receivers) {
      if (receiver.isSketch && !isForSketch) continue
      const figures = await attempt(means, `${receiver.name}: ${what}`, async () =>
        key === 'acks' || key === 'calm'
          ? { [key]: await runAcks(means, receiver, key === 'calm' ? perSecond : undefined) }
          : { [key]: await runOutcomes(means, receiver, key) },
      )
      Object.assign(rounds.get(receiver.name) ?? {}, figures)
    }
  }
  return Object.fromEntries(rounds)
}

function runAcks(
  means: Means,
  receiver: NamedReceiver,
  perSecond: number | undefined,
): Promise<AckFigures> {
  const { warmUpMs, measureMs, fullBatches } = means.options
  const batches = perSecond
    ? Math.min(fullBatches, Math.ceil((perSecond * (warmUpMs + measureMs)) / 1_000))
    : fullBatches
  const pace = perSecond === undefined ? {} : { perSecond }
  const part = perSecond ? 'calm' : 'acks'
  return withReceiver(means, { receiver, part }, async (server) => {
    const figures = await measureAcks(means.client, server, {
      batches,
      warmUpMs,
      measureMs,
      ...pace,
    })
    await checkJournal(server, figures.acked)
    return figures
  })
}

type OutcomeKey = Exclude<keyof ReceiverRound, 'acks' | 'calm'>

function runOutcomes(
  means: Means,
  receiver: NamedReceiver,
  key: OutcomeKey,
): Promise<OutcomeFigures> {
  const use = { receiver, part: key, handlers: key === 'three' ? 3 : 1 }
  const load = findLoad(means, key)
  return withReceiver(
    means,
    use,
    (server) => measureOutcomes(means.client, server, load),
    (figures, folder) => ({
      ...figures,
      storedBytesPerEvent: readFolderBytes(`${folder}/data`) / figures.events,
    }),
  )
}

function findLoad({ options }: Means, key: OutcomeKey): OutcomeLoad {
  const batches = options.events / EVENTS_PER_BATCH
  if (key === 'one') return { batches }
  if (key === 'three') return { batches: Math.ceil(batches / 2) }
  if (key === 'lines') return { shape: 'lines', batches }
  return { shape: key, batches: options.smallBatches }
}

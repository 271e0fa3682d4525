import type { LaneTally } from './sending/lane.ts'
import type { StreamState } from './sending/running-stream.ts'
import type { QueueState } from './sending/webhook-queue.ts'
import type { Webhook } from './webhooks/webhook.ts'

/** Everything that a simulator goes on from, as it stands in its file. */
export interface SimulatorState {
  readonly version: 1
  /** What its clock showed. */
  readonly now: number
  readonly webhooks: readonly Webhook[]
  readonly lanes: readonly {
    readonly webhook: string
    readonly queue: QueueState
    readonly tally: LaneTally
  }[]
  readonly streams: readonly StreamState[]
}

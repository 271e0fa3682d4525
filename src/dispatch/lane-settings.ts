import type { SupervisorSettings } from './handler-supervisor.ts'

export interface LaneSettings extends SupervisorSettings {
  /** Waits between attempts; after the last one the job is dead. */
  readonly delaysMs: readonly number[]
}

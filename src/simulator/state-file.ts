import { existsSync, readFileSync } from 'node:fs'
import { writeSecretFile } from '../config/write-secret-file.ts'
import type { StreamState } from './sending/running-stream.ts'
import type { KeptSender } from './sending/senders.ts'
import type { Webhook } from './sending/webhook.ts'

/** Everything that a simulator goes on from, as it stands in its file. */
export interface SimulatorState {
  readonly version: 2
  /** What its clock showed. */
  readonly now: number
  readonly webhooks: readonly Webhook[]
  readonly senders: readonly KeptSender[]
  readonly streams: readonly StreamState[]
}

const SAVE_EVERY_MS = 1_000

/** The state that a simulator left behind; undefined: there is none yet. Throws when it is none. */
export function loadState(path: string): SimulatorState | undefined {
  if (!existsSync(path)) return undefined
  const state: SimulatorState = JSON.parse(readFileSync(path, 'utf8'))
  if (state.version !== 2) throw new TypeError('It was written by another version.')
  return state
}

/** Keeps the state in a file, once a second and at the end; it holds secrets. */
export function keepState(
  simulator: { readonly state: () => SimulatorState },
  path: string,
): () => void {
  let kept = ''
  const save = () => {
    const text = JSON.stringify(simulator.state())
    if (text !== kept) writeSecretFile(path, text)
    kept = text
  }
  const timer = setInterval(save, SAVE_EVERY_MS)
  return () => {
    clearInterval(timer)
    save()
  }
}

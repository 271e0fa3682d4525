import { existsSync, readFileSync } from 'node:fs'
import { writeSecretFile } from '../config/write-secret-file.ts'
import type { Simulator } from './simulator.ts'
import type { SimulatorState } from './simulator-state.ts'

const SAVE_EVERY_MS = 1_000

/** The state that a simulator left behind; undefined: there is none yet. Throws when it is none. */
export function loadState(path: string): SimulatorState | undefined {
  if (!existsSync(path)) return undefined
  const state: SimulatorState = JSON.parse(readFileSync(path, 'utf8'))
  if (state.version !== 1) throw new TypeError('It was written by another version.')
  return state
}

/** Keeps the state in a file, once a second and at the end; it holds secrets. */
export function keepState(simulator: Simulator, path: string): () => void {
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

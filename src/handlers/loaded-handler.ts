import type { BatchFunction, EventFunction, Handler } from './define-handler.ts'

/** A handler, checked and ready to run. */
export interface LoadedHandler {
  readonly name: string
  /** What it wants: the keys of `on`, or `events`. */
  readonly keys: readonly string[]
  /** True for `onBatch`. */
  readonly takesBatches: boolean
  readonly on: Readonly<Record<string, EventFunction>>
  readonly onBatch: BatchFunction | undefined
}

/** The definition as it runs; `fallbackName` is for one without a name. */
export function toLoadedHandler(handler: Handler, fallbackName: string): LoadedHandler {
  const { name = fallbackName, keys, on, onBatch } = handler
  return { name, keys, on, onBatch, takesBatches: onBatch !== undefined }
}

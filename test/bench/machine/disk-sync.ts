import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { type Percentiles, summarise } from '../load/percentiles.ts'

/** How long the disk under `folder` takes to keep `bytes` more, in milliseconds. */
export function measureSync(
  folder: string,
  { bytes, times }: { bytes: number; times: number },
): Percentiles {
  const file = `${folder}/sync.probe`
  const descriptor = openSync(file, 'w')
  const block = Buffer.alloc(bytes, 'x')
  try {
    const samples = Array.from({ length: times }, () => {
      const startedAt = performance.now()
      writeSync(descriptor, block)
      fdatasyncSync(descriptor)
      return performance.now() - startedAt
    })
    return summarise(samples)
  } finally {
    closeSync(descriptor)
    rmSync(file)
  }
}

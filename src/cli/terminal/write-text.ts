import { once } from 'node:events'
import type { Output } from '../command-context.ts'

/** Writes text or bytes, and waits while the reader at the other end is slow. */
export async function writeText(output: Output, text: string | Uint8Array): Promise<void> {
  if (!output.write(text)) await once(output, 'drain')
}

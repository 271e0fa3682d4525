import { once } from 'node:events'
import type { Output } from '../command-context.ts'

/** Writes, and waits while the reader at the other end is slow. */
export async function writeText(output: Output, text: string): Promise<void> {
  if (!output.write(text)) await once(output, 'drain')
}

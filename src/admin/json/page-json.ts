import { z } from 'zod'
import type { Page } from '../../store/store.ts'

/** What every page of a bounded search has beside its rows. */
export const PAGE_JSON = {
  cursor: z.string().nullable().describe('Asks for the next page; null on the last one.'),
  partial: z
    .literal(true)
    .optional()
    .describe(
      'Time was up: there may be fewer rows than asked for, even none. The cursor goes on.',
    ),
}

export function pageJson({ cursor, isPartial }: Omit<Page<unknown>, 'rows'>) {
  return { cursor: cursor ?? null, ...(isPartial ? { partial: true as const } : {}) }
}

import { z } from 'zod'

/** What `isoTime` answers. */
export const TIME_JSON = z.string().nullable().meta({ format: 'date-time' })

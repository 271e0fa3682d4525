import { z } from 'zod'
import { isObject } from './read-value.ts'

/*
 * Fields as providers send them. Absent, null and right values pass; anything else counts as
 * absent, because one odd field must not cost the whole event.
 */

export const textField = z.string().nullish().catch(undefined)

/** Digits count as the number they spell. */
export const numberField = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
  ])
  .nullish()
  .catch(undefined)

/** Becomes text. A number too large to have been read exactly counts as absent. */
export const idField = z
  .union([z.string(), z.int().transform(String)])
  .nullish()
  .catch(undefined)

/** Any JSON object, kept as it is. */
export const objectField = z.custom<Record<string, unknown>>(isObject).nullish().catch(undefined)

import { z } from 'zod'

/** What a call takes and answers: read by its route, and shown in the OpenAPI document. */
export interface RouteDescription {
  readonly summary: string
  readonly query?: z.ZodObject
  readonly body?: z.ZodObject
  /** Of 200. */
  readonly answer: Answer
  /** What its own errors mean, by status; those that every call may answer are added. */
  readonly errors?: Readonly<Record<number, string>>
}

/** JSON of a shape, where `isLong` also as lines that tell of progress; or another media type. */
export type Answer =
  | { readonly json: z.ZodType; readonly isLong?: true }
  | { readonly mediaType: string }

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly description?: RouteDescription
  }
}

export const ERROR_JSON = z.object({
  error: z.string().describe('A word for programs.'),
  message: z.string().describe('What happened and what to do, for people.'),
  problems: z.array(z.string()).optional().describe('With 400: each thing that is wrong.'),
})

import type { Colour } from './paint.ts'

/** How the states of events and jobs look. */
export const STATE_COLOURS: Readonly<Record<string, Colour | undefined>> = {
  done: 'green',
  pending: 'yellow',
  dead: 'red',
  conflict: 'red',
}

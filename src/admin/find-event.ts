import type { Archive, EventDetail } from '../store/store.ts'
import { isRowId } from './parameters/row-id.ts'

/** The event of an id that somebody gave; undefined when it is none, or of no event. */
export async function findEvent(
  archive: Pick<Archive, 'getEvent'>,
  id: string,
): Promise<EventDetail | undefined> {
  return isRowId(id) ? await archive.getEvent(id) : undefined
}

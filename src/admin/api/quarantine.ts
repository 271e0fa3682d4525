import * as z from 'zod'
import { QUARANTINE_REASONS } from '../../model.ts'
import type { QuarantineRow } from '../../store/store.ts'
import { Refusal } from '../answer-errors.ts'
import { isoTime, TIME_JSON } from '../answer-parts.ts'
import type { AdminContext } from '../context.ts'
import { type AdminApp, answersFile } from '../openapi.ts'
import { isRowId, PAGE_PARAMETERS } from '../parameters.ts'

/** A run of unreadable pieces as the API shows it; its bytes have an address of their own. */
const QUARANTINE_JSON = z.object({
  id: z.string(),
  batch: z.string(),
  source: z.string(),
  reason: z.enum(QUARANTINE_REASONS),
  detail: z.string().describe('What the reader said.'),
  position: z.number().describe('Of the first piece in the batch, from 0.'),
  pieces: z.number(),
  byte_offset: z.number().describe('Where its bytes begin in the body.'),
  bytes: z.number(),
  received_at: TIME_JSON,
})
export type QuarantineJson = z.output<typeof QUARANTINE_JSON>

const PIECES_JSON = z.object({
  quarantine: z.array(QUARANTINE_JSON),
  cursor: z.string().nullable(),
})
export type PiecesJson = z.output<typeof PIECES_JSON>

const LIST_PIECES = {
  summary: 'What could not be read, newest first',
  querystring: PAGE_PARAMETERS,
  response: { 200: PIECES_JSON },
}

const ONE_PIECE = {
  params: z.object({ id: z.string() }),
  errors: { 404: 'Nothing in quarantine has this id.' },
}

const GET_PIECE = {
  ...ONE_PIECE,
  summary: 'One run of unreadable pieces, and why',
  response: { 200: QUARANTINE_JSON },
}

const GET_BYTES = {
  ...ONE_PIECE,
  summary: 'Its bytes as received',
  response: answersFile('application/octet-stream'),
}

const READ_PIECE_AGAIN = {
  ...ONE_PIECE,
  summary: 'Takes the bytes out of quarantine and reads them again, as a batch of their own',
  response: { 200: z.object({ batch: z.string() }) },
}

export function addQuarantineRoutes(app: AdminApp, context: AdminContext): void {
  const { archive, observer, newBatchId, audited } = context

  app.get('/api/quarantine', { schema: LIST_PIECES }, async ({ query }) => {
    const { rows, cursor } = await archive.listQuarantine(query)
    return { quarantine: rows.map(quarantineJson), cursor: cursor ?? null }
  })

  app.get('/api/quarantine/:id', { schema: GET_PIECE }, async ({ params: { id } }) => {
    return quarantineJson(found(isRowId(id) ? await archive.getQuarantine(id) : undefined))
  })

  app.get('/api/quarantine/:id/body', { schema: GET_BYTES }, async ({ params: { id } }, reply) => {
    const bytes = found(isRowId(id) ? await archive.quarantineBody(id) : undefined)
    return reply
      .type('application/octet-stream')
      .header('content-disposition', `attachment; filename="quarantine-${id}.bin"`)
      .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  })

  // Whoever has mended the reader lets it read the bytes again; what it still cannot read comes back.
  app.post('/api/quarantine/:id/replay', { schema: READ_PIECE_AGAIN }, async (request) => {
    const { id: piece } = request.params
    const batch = newBatchId()
    found(isRowId(piece) ? await archive.getQuarantine(piece) : undefined)
    const isThere = await audited(
      { action: 'requeue', address: request.ip, parameters: { piece, batch } },
      () => archive.requeue(piece, batch),
      (isThere) => ({ pieces: isThere ? 1 : 0 }),
    )
    found(isThere || undefined)
    observer.pieceRequeued({ address: request.ip, piece, batch })
    return { batch }
  })
}

function found<Thing>(thing: Thing | undefined): Thing {
  if (thing !== undefined) return thing
  throw new Refusal(
    404,
    'not_found',
    'Nothing in quarantine has this id; retention may have removed it. GET /api/quarantine lists it.',
  )
}

function quarantineJson(row: QuarantineRow): QuarantineJson {
  return {
    id: row.id,
    batch: row.batch,
    source: row.source,
    reason: row.reason,
    detail: row.detail,
    position: row.position,
    pieces: row.pieces,
    byte_offset: row.byteOffset,
    bytes: row.bytes,
    received_at: isoTime(row.receivedAt),
  }
}

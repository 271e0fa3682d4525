import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Observer } from '../../observe/observer.ts'
import type { Archive, Store } from '../../store/store.ts'
import type { AuditTrail } from '../audit-trail.ts'
import { QUARANTINE_JSON, quarantineJson } from '../json/quarantine-json.ts'
import type { RouteDescription } from '../openapi/route-description.ts'
import { NO_PARAMETERS, PAGE_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { isRowId } from '../parameters/row-id.ts'

const NO_SUCH_PIECE = {
  error: 'not_found',
  message:
    'Nothing in quarantine has this id; retention may have removed it. GET /api/quarantine lists it.',
}

const LIST_PIECES = {
  summary: 'What could not be read, newest first',
  query: PAGE_PARAMETERS,
  answer: {
    json: z.object({ quarantine: z.array(QUARANTINE_JSON), cursor: z.string().nullable() }),
  },
} satisfies RouteDescription

const GET_PIECE = {
  summary: 'One run of unreadable pieces, and why',
  query: NO_PARAMETERS,
  answer: { json: QUARANTINE_JSON },
  errors: { 404: 'Nothing in quarantine has this id.' },
} satisfies RouteDescription

const GET_BYTES = {
  summary: 'Its bytes as received',
  query: NO_PARAMETERS,
  answer: { mediaType: 'application/octet-stream' },
  errors: { 404: 'Nothing in quarantine has this id.' },
} satisfies RouteDescription

const READ_PIECE_AGAIN = {
  summary: 'Takes the bytes out of quarantine and reads them again, as a batch of their own',
  query: NO_PARAMETERS,
  answer: { json: z.object({ batch: z.string() }) },
  errors: { 404: 'Nothing in quarantine has this id.' },
} satisfies RouteDescription

export interface QuarantineRoutesOptions {
  readonly archive: Pick<Archive, 'listQuarantine' | 'getQuarantine' | 'quarantineBody'> &
    Pick<Store, 'requeue'>
  readonly observer: Pick<Observer, 'pieceRequeued'>
  readonly newBatchId: () => string
  readonly audited: AuditTrail
}

type Piece = { Params: { id: string } }

export function addQuarantineRoutes(app: FastifyInstance, options: QuarantineRoutesOptions): void {
  const { archive, observer, newBatchId, audited } = options

  app.get('/api/quarantine', { config: { description: LIST_PIECES } }, async (request) => {
    const page = readParameters(LIST_PIECES.query, request.query)
    const { rows, cursor } = await archive.listQuarantine(page)
    return { quarantine: rows.map(quarantineJson), cursor: cursor ?? null }
  })

  const onePiece = { config: { description: GET_PIECE } }
  app.get<Piece>('/api/quarantine/:id', onePiece, async (request, reply) => {
    readParameters(GET_PIECE.query, request.query)
    const { id } = request.params
    const row = isRowId(id) ? await archive.getQuarantine(id) : undefined
    return row ? quarantineJson(row) : reply.code(404).send(NO_SUCH_PIECE)
  })

  const itsBytes = { config: { description: GET_BYTES } }
  app.get<Piece>('/api/quarantine/:id/body', itsBytes, async (request, reply) => {
    readParameters(GET_BYTES.query, request.query)
    const { id } = request.params
    const bytes = isRowId(id) ? await archive.quarantineBody(id) : undefined
    if (bytes === undefined) return reply.code(404).send(NO_SUCH_PIECE)
    return reply
      .type('application/octet-stream')
      .header('content-disposition', `attachment; filename="quarantine-${id}.bin"`)
      .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  })

  // Whoever has mended the reader lets it read the bytes again; what it still cannot read comes back.
  const readAgain = { config: { description: READ_PIECE_AGAIN } }
  app.post<Piece>('/api/quarantine/:id/replay', readAgain, async (request, reply) => {
    readParameters(READ_PIECE_AGAIN.query, request.query)
    readParameters(NO_PARAMETERS, request.body ?? {})
    const { id: piece } = request.params
    const batch = newBatchId()
    const isKnown = isRowId(piece) && (await archive.getQuarantine(piece)) !== undefined
    if (!isKnown) return reply.code(404).send(NO_SUCH_PIECE)
    const isThere = await audited(
      { action: 'requeue', address: request.ip, parameters: { piece, batch } },
      () => archive.requeue(piece, batch),
      (isThere) => ({ pieces: isThere ? 1 : 0 }),
    )
    if (!isThere) return reply.code(404).send(NO_SUCH_PIECE)
    observer.pieceRequeued({ address: request.ip, piece, batch })
    return { batch }
  })
}

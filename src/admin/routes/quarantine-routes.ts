import type { FastifyInstance } from 'fastify'
import type { Archive } from '../../store/store.ts'
import { quarantineJson } from '../json/quarantine-json.ts'
import { NO_PARAMETERS, PAGE_PARAMETERS } from '../parameters/parameter-schemas.ts'
import { readParameters } from '../parameters/read-parameters.ts'
import { isRowId } from '../parameters/row-id.ts'

const NO_SUCH_PIECE = {
  error: 'not_found',
  message:
    'Nothing in quarantine has this id; retention may have removed it. GET /api/quarantine lists it.',
}

type QuarantineArchive = Pick<Archive, 'listQuarantine' | 'getQuarantine' | 'quarantineBody'>

export function addQuarantineRoutes(app: FastifyInstance, archive: QuarantineArchive): void {
  app.get('/api/quarantine', async (request) => {
    const page = readParameters(PAGE_PARAMETERS, request.query)
    const { rows, cursor } = await archive.listQuarantine(page)
    return { quarantine: rows.map(quarantineJson), cursor: cursor ?? null }
  })

  app.get<{ Params: { id: string } }>('/api/quarantine/:id', async (request, reply) => {
    readParameters(NO_PARAMETERS, request.query)
    const { id } = request.params
    const row = isRowId(id) ? await archive.getQuarantine(id) : undefined
    return row ? quarantineJson(row) : reply.code(404).send(NO_SUCH_PIECE)
  })

  app.get<{ Params: { id: string } }>('/api/quarantine/:id/body', async (request, reply) => {
    readParameters(NO_PARAMETERS, request.query)
    const { id } = request.params
    const bytes = isRowId(id) ? await archive.quarantineBody(id) : undefined
    if (bytes === undefined) return reply.code(404).send(NO_SUCH_PIECE)
    return reply
      .type('application/octet-stream')
      .header('content-disposition', `attachment; filename="quarantine-${id}.bin"`)
      .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  })
}

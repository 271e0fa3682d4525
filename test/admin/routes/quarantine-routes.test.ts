import { describe, expect, it } from 'vitest'
import { buildAdmin } from '../build-admin.ts'
import { makePiece } from '../memory-archive.ts'

describe('GET /api/quarantine', () => {
  it('answers the pieces without their bytes, page by page', async () => {
    const { app, archive } = buildAdmin()
    archive.quarantine.push(makePiece('2', Buffer.from('{"a":')), makePiece('1', Buffer.from('x')))

    const first = await app.inject('/api/quarantine?limit=1')
    const second = await app.inject(`/api/quarantine?limit=1&cursor=${first.json().cursor}`)

    expect(first.json()).toEqual({
      quarantine: [
        {
          id: '2',
          batch: 'batch-1',
          source: 'mailtrap',
          reason: 'invalid_json',
          detail: 'unexpected end',
          position: 3,
          pieces: 1,
          byte_offset: 120,
          bytes: 5,
          received_at: '2026-11-21T09:30:00.000Z',
        },
      ],
      cursor: '2',
    })
    expect(second.json()).toMatchObject({ quarantine: [{ id: '1' }], cursor: null })
  })
})

describe('GET /api/quarantine/<id>', () => {
  it('answers one piece without its bytes', async () => {
    const { app, archive } = buildAdmin()
    archive.quarantine.push(makePiece('2', Buffer.from('xy')), makePiece('1', Buffer.from('x')))

    const answer = await app.inject('/api/quarantine/2')

    expect(answer.json()).toMatchObject({ id: '2', reason: 'invalid_json', bytes: 2 })
  })

  it.each(['3', '2e0', '02', 'x'])('answers 404 to the id %s, which is none here', async (id) => {
    const { app, archive } = buildAdmin()
    archive.quarantine.push(makePiece('2', Buffer.from('x')))

    const [piece, body] = [
      await app.inject(`/api/quarantine/${id}`),
      await app.inject(`/api/quarantine/${id}/body`),
    ]

    expect([piece.statusCode, body.statusCode]).toEqual([404, 404])
    expect(piece.json()).toMatchObject({ error: 'not_found' })
  })
})

describe('GET /api/quarantine/<id>/body', () => {
  it('answers the bytes as received, as a file that no browser opens', async () => {
    const { app, archive } = buildAdmin()
    const pool = Buffer.from('before<script>\u0000\r\n"after')
    const bytes = new Uint8Array(pool.buffer, pool.byteOffset + 6, 11)
    const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value)
    archive.quarantine.push(makePiece('1', bytes), makePiece('2', everyByte))

    const answer = await app.inject('/api/quarantine/1/body')
    const binary = await app.inject('/api/quarantine/2/body')

    expect(answer.statusCode).toBe(200)
    expect(answer.rawPayload).toEqual(Buffer.from('<script>\u0000\r\n'))
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="quarantine-1.bin"',
      'x-content-type-options': 'nosniff',
      'content-length': '11',
    })
    expect(binary.rawPayload).toEqual(Buffer.from(everyByte))
  })

  it('answers an empty piece with no bytes, and an unknown one with 404', async () => {
    const { app, archive } = buildAdmin()
    archive.quarantine.push(makePiece('1', new Uint8Array()))

    const empty = await app.inject('/api/quarantine/1/body')
    const unknown = await app.inject('/api/quarantine/2/body')

    expect([empty.statusCode, empty.rawPayload.length]).toEqual([200, 0])
    expect(unknown.statusCode).toBe(404)
    expect(unknown.json()).toMatchObject({ error: 'not_found' })
  })
})

describe('POST /api/quarantine/:id/replay', () => {
  it('takes the piece out to be read again, and leaves a trail', async () => {
    const { app, archive, trail } = buildAdmin()
    archive.quarantine.push(makePiece('7', Buffer.from('{')))
    const replay = () =>
      app.inject({ method: 'POST', url: '/api/quarantine/7/replay', payload: {} })

    expect((await replay()).json()).toEqual({ batch: 'batch-new' })
    expect(archive.quarantine).toEqual([])
    expect(trail).toEqual([{ address: '127.0.0.1', piece: '7', batch: 'batch-new' }])
    expect((await replay()).statusCode).toBe(404)
    expect(trail).toHaveLength(1)
  })

  it.each(['0', 'x', '1e0'])('knows no piece %s, and does not ask for it', async (id) => {
    const { app, archive } = buildAdmin()
    const url = `/api/quarantine/${id}/replay`
    expect((await app.inject({ method: 'POST', url, payload: {} })).statusCode).toBe(404)
    expect(archive.calls).toEqual([])
  })
})

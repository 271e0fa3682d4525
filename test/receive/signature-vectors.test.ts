import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ProviderName, SecretForm, Source } from '../../src/model.ts'
import { sendRaw, statusesIn } from './raw-socket.ts'
import { source, startServer } from './start-server.ts'

interface Vector {
  id: string
  secrets: string[]
  body: string
  expect: 'valid' | 'invalid'
}
interface Vectors {
  bodies: Record<string, { base64: string }>
  mailtrap: {
    headers: string[]
    vectors: (Vector & { signature: string })[]
    header_cases: (Vector & { headers: [string, string][] })[]
  }
  mailingapi: {
    headers: string[]
    vectors: (Vector & {
      header: string
      key_mode: SecretForm
      now: number
      tolerance_seconds: number
    })[]
  }
}

const fixture = new URL('../../fixtures/signature-vectors.json', import.meta.url)
const { bodies, mailtrap, mailingapi }: Vectors = JSON.parse(readFileSync(fixture, 'utf8'))

/** Sends a vector's bytes as they are: header values as UTF-8, nothing normalised by a client. */
async function expectAnswer(
  vector: Vector,
  sent: { source: Source; headers: readonly [string, string][]; nowMs: number },
): Promise<void> {
  const server = await startServer({ sources: [sent.source], now: () => sent.nowMs })
  const body = Buffer.from(bodies[vector.body]?.base64 ?? '', 'base64')
  const headers = [
    ['Host', 'localhost'],
    ['Content-Length', String(body.length)],
    ['Connection', 'close'],
    ...sent.headers,
  ]
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const head = `POST /webhooks/${sent.source.name} HTTP/1.1\r\n${lines}\r\n`
  const text = await sendRaw(server.port, Buffer.concat([Buffer.from(head), body]))

  const isValid = vector.expect === 'valid'
  expect(statusesIn(text)).toEqual([isValid ? 200 : 401])
  expect(server.batches.map((batch) => Buffer.from(batch.body))).toEqual(isValid ? [body] : [])
  expect(server.refused).toHaveLength(isValid ? 0 : 1)
  if (!isValid) expect(text).toMatch(/\r\n\r\n\{"error":"unauthorized"\}$/)
}

const sourceOf = (provider: ProviderName, { secrets }: Vector) =>
  source({ name: provider, provider, secrets })

// HTTP parsers take spaces off both ends of a value, so that over a socket this is the true one.
const trimmed = new Set(['trap-leading-space'])

describe('mailtrap signature vectors over HTTP', () => {
  const names = mailtrap.headers.map((name): [string] => [name])

  describe.each(names)('in %s', (name) => {
    it.each(mailtrap.vectors.map((vector) => [vector.id, vector] as const))('%s', (id, vector) =>
      expectAnswer(trimmed.has(id) ? { ...vector, expect: 'valid' } : vector, {
        source: sourceOf('mailtrap', vector),
        headers: [[name, vector.signature]],
        nowMs: Date.now(),
      }),
    )
  })

  it.each(mailtrap.header_cases.map((vector) => [vector.id, vector] as const))(
    'headers: %s',
    (_id, vector) =>
      expectAnswer(vector, {
        source: sourceOf('mailtrap', vector),
        headers: vector.headers,
        nowMs: Date.now(),
      }),
  )
})

describe('mailingapi signature vectors over HTTP', () => {
  it.each(mailingapi.vectors.map((vector) => [vector.id, vector] as const))('%s', (_id, vector) =>
    expectAnswer(vector, {
      source: {
        ...sourceOf('mailingapi', vector),
        toleranceSeconds: vector.tolerance_seconds,
        secretForm: vector.key_mode,
      },
      headers: [[mailingapi.headers[0] ?? '', vector.header]],
      nowMs: vector.now * 1_000,
    }),
  )
})

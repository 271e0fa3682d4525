import { readFileSync } from 'node:fs'
import type { ProviderName, Source } from '../../src/model.ts'
import { isObject } from '../../src/providers/read-value.ts'

const FIXTURES = new URL('../../fixtures/', import.meta.url)

export function readFixture(path: string): Buffer {
  return readFileSync(new URL(path, FIXTURES))
}

/** The objects among the members of a sample body, whatever wraps them. */
export function readSampleEvents(path: string): Record<string, unknown>[] {
  const text = readFixture(path).toString()
  return membersOf(text, path).filter(isObject)
}

function membersOf(text: string, path: string): unknown[] {
  if (path.endsWith('.jsonl')) return text.split(/\r?\n/).filter(Boolean).map(parse)
  const body = parse(text)
  if (Array.isArray(body)) return body
  return isObject(body) && Array.isArray(body.events) ? body.events : [body]
}

function parse(text: string): unknown {
  return JSON.parse(text)
}

export function sampleSource(provider: ProviderName, settings: Partial<Source> = {}): Source {
  return {
    name: provider,
    provider,
    secrets: ['8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e'],
    allowIps: [],
    basicAuth: undefined,
    urlToken: undefined,
    toleranceSeconds: 300,
    secretForm: 'raw',
    ...settings,
  }
}

interface SignatureVector {
  readonly id: string
  readonly secrets: readonly string[]
  readonly body: string
  readonly expect: 'valid' | 'invalid'
}

interface SignatureVectors {
  readonly bodies: Record<string, { readonly base64: string; readonly bytes: number }>
  readonly mailtrap: {
    readonly vectors: readonly (SignatureVector & { readonly signature: string })[]
    readonly header_cases: readonly (SignatureVector & {
      readonly headers: readonly (readonly [string, string])[]
    })[]
  }
  readonly mailingapi: {
    readonly vectors: readonly (SignatureVector & {
      readonly key_mode: Source['secretForm']
      readonly header: string
      readonly now: number
      readonly tolerance_seconds: number
    })[]
  }
}

export const VECTORS: SignatureVectors = JSON.parse(
  readFixture('signature-vectors.json').toString(),
)

export function vectorBody(name: string): Buffer {
  const body = VECTORS.bodies[name]
  if (body === undefined) throw new Error(`There is no body ${name}.`)
  return Buffer.from(body.base64, 'base64')
}

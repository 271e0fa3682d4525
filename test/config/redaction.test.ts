import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findRedaction } from '../../src/app/run-handlers.ts'
import { keepSecret, readSettings } from '../../src/config.ts'
import { onTestFinished } from '../on-test-finished.ts'

const ENV = {
  MAILTRAP_SIGNING_SECRET: '8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e',
  CONFIG_FILE: 'receiver.yaml',
}

function read(yaml: string, env: Record<string, string> = {}) {
  return readSettings({ env: { ...ENV, ...env }, cwd: '/srv', readFile: () => yaml })
}

function problemsOf(yaml: string, env: Record<string, string> = {}): string {
  try {
    read(yaml, env)
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
}

const SOURCES = `
redact: { drop: [ip, user.agent], hash: email }
sources:
  open: { provider: mailtrap, secrets: "8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e", redact: false }
  audit: { provider: mailtrap, secrets: "8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e", redact: { hash: [actor] } }
  plain: { provider: mailtrap, secrets: "8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e" }
`

describe('redact', () => {
  it('has rules for every source, and own ones for some', () => {
    expect(read(SOURCES).redaction).toEqual({
      key: undefined,
      common: { drop: ['ip', 'user.agent'], hash: ['email'] },
      bySource: { open: undefined, audit: { drop: [], hash: ['actor'] } },
    })
    expect(read('host: 127.0.0.1').redaction).toEqual({
      key: undefined,
      common: undefined,
      bySource: {},
    })
  })

  it.each([
    ['redact: ip', 'redact (receiver.yaml) is no list of rules'],
    ['redact: {}', 'redact (receiver.yaml) is empty'],
    ['redact: { dropp: [ip] }', 'redact (receiver.yaml) has "dropp", which is no rule'],
    ['redact: { drop: [1] }', 'redact (receiver.yaml) has "1", which is no field'],
    ['redact: { drop: ["a..b"] }', 'redact (receiver.yaml) has "a..b", which is no field'],
    ['redact: { drop: [event] }', 'redact (receiver.yaml) has "event", which names the event'],
    ['redact: { drop: [a], hash: [a] }', 'redact (receiver.yaml) both drops and hashes "a"'],
    ['redact: false', 'redact (receiver.yaml) is no list of rules'],
  ])('refuses %s', (yaml, problem) => {
    expect(problemsOf(yaml)).toContain(problem)
  })

  it('needs the key of all replicas where several share a store', () => {
    const shared = { STORE_URL: 'postgres://u@localhost/db' }
    const hashing = 'redact: { hash: [email] }'
    expect(problemsOf(hashing, shared)).toContain('REDACT_KEY is missing')
    expect(problemsOf(hashing, { ...shared, REDACT_KEY: 'short' })).toContain('too short')
    const { redaction } = read(hashing, { ...shared, REDACT_KEY: 'long enough for a key' })
    expect(redaction.key).toBe('long enough for a key')
    expect(problemsOf('redact: { drop: [ip] }', shared)).toBe('')
  })

  it('makes a key for the owner alone, once, and only when something is hashed', () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'receiver-key-'))
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
    const file = join(dataDir, 'redact-key')
    const settings = (yaml: string) => read(yaml, { DATA_DIR: dataDir })
    expect(findRedaction(settings('port: 0'))).toBeUndefined()
    expect(findRedaction(settings('redact: { drop: [ip] }'))?.key).toBe('')
    expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined()
    const first = findRedaction(settings('redact: { hash: [email] }'))?.key
    expect(first).toMatch(/^[0-9a-f]{64}$/)
    expect(readFileSync(file, 'utf8')).toBe(`${first}\n`)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(keepSecret(dataDir, 'redact', () => Buffer.alloc(32))).toBe(first)
  })
})

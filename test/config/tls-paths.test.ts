import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CERTIFICATES } from '../receive/certificates.ts'
import { makeFolder, problemLines, read, WITH_SECRET } from './settings-folder.ts'

const [FIRST, SECOND] = CERTIFICATES
const FILES = {
  'cert.pem': String(FIRST?.cert),
  'key.pem': String(FIRST?.key),
  'other.pem': String(SECOND?.key),
  'junk.pem': 'leak',
}

function problemsOf(env: NodeJS.ProcessEnv): string[] {
  const cwd = makeFolder(FILES)
  return problemLines(() => read({ ...WITH_SECRET, ...env }, { cwd })).map((line) =>
    line.replaceAll(`${cwd}/`, ''),
  )
}

describe('certificate and key', () => {
  it('are found, proved to belong together, and watched', () => {
    const cwd = makeFolder(FILES)
    const env = { ...WITH_SECRET, TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: './key.pem' }
    const { tls, watchedFiles } = read(env, { cwd })
    expect(tls).toEqual({ certFile: join(cwd, 'cert.pem'), keyFile: join(cwd, 'key.pem') })
    expect(watchedFiles).toEqual([tls?.certFile, tls?.keyFile])
    expect(read(WITH_SECRET).tls).toBeUndefined()
  })

  it.each([
    [
      'other.pem',
      'TLS_KEY_FILE does not belong to TLS_CERT_FILE. Give the key of that certificate.',
    ],
    [
      'junk.pem',
      'TLS_KEY_FILE names the file junk.pem, which cannot be used. Give a PEM file without a pass phrase.',
    ],
    [
      'no.pem',
      'TLS_KEY_FILE names the file no.pem, which cannot be read (ENOENT). Give the path of a file that this user may read.',
    ],
  ])('with the key %s are refused', (key, sentence) => {
    expect(problemsOf({ TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: key })).toEqual([sentence])
  })

  it('need each other', () => {
    expect(problemsOf({ TLS_KEY_FILE: 'key.pem' })).toEqual([
      'TLS_KEY_FILE is given without TLS_CERT_FILE. Give TLS_CERT_FILE too, or remove it.',
    ])
  })
})

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import type { GivenSetting } from './given-settings.ts'
import type { Origins } from './origins.ts'
import { readFileOrExplain } from './secret-reader.ts'
import { WrongValue } from './wrong-value.ts'

/** Absolute paths of a certificate chain and its key, both PEM. */
export interface TlsPaths {
  readonly certFile: string
  readonly keyFile: string
}

/** Both files, proved to belong together; undefined: no TLS here, or a problem more. */
export function findTlsPaths({ given, readFile, problems }: Origins): TlsPaths | undefined {
  const cert = given.get('TLS_CERT_FILE')
  const key = given.get('TLS_KEY_FILE')
  if (!cert && !key) return undefined
  if (!cert || !key) {
    const [one, other] = cert ? [cert.label, 'TLS_KEY_FILE'] : [key?.label, 'TLS_CERT_FILE']
    problems.add(String(one), `is given without ${other}`, `Give ${other} too, or remove it.`)
    return undefined
  }
  const read = <Value>({ label, folder, text }: GivenSetting, parse: (pem: string) => Value) =>
    problems.attempt(label, () => readPem(resolve(folder, text), readFile, parse, text))
  const certificate = read(cert, (pem) => new X509Certificate(pem))
  const privateKey = read(key, createPrivateKey)
  if (!certificate || !privateKey) return undefined
  if (!certificate.checkPrivateKey(privateKey)) {
    problems.add(key.label, `does not belong to ${cert.label}`, 'Give the key of that certificate.')
  }
  return { certFile: resolve(cert.folder, cert.text), keyFile: resolve(key.folder, key.text) }
}

/** What `parse` makes of a PEM file; `given` is its path as somebody wrote it. Throws `WrongValue`. */
export function readPem<Value>(
  path: string,
  readFile: (path: string) => string,
  parse: (pem: string) => Value,
  given = path,
): Value {
  const pem = readFileOrExplain(readFile, path, given)
  try {
    return parse(pem)
  } catch {
    throw new WrongValue(
      `names the file ${path}, which cannot be used`,
      'Give a PEM file without a pass phrase.',
    )
  }
}

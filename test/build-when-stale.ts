import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Tests start threads and processes from the build, so it must be that of these sources. */
export function setup(): void {
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  execFileSync(process.execPath, ['.build.mjs'], { cwd, stdio: 'inherit' })
}

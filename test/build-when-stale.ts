import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Tests start threads and processes from the build, so it must be that of these sources. */
export function setup(): void {
  const built = join(ROOT, 'dist/main.js')
  const builtAt = existsSync(built) ? statSync(built).mtimeMs : 0
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  const isStale = sources.some((path) => statSync(join(ROOT, 'src', path)).mtimeMs > builtAt)
  if (isStale) execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' })
}

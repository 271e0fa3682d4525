import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { IS_LONG } from '../system/long-runs.ts'
import { dockerfile } from './deploy-files.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What the image may add to its base. */
const MOST_BYTES = 60_000_000
/** A user that nobody knows, in group 0, as some platforms run images. */
const ANY_USER = 1_000_660_000

/** The shell lines of the first stage, in order. */
const buildSteps = (dockerfile.split(/^FROM /m)[1] ?? '')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line.startsWith('RUN '))
  .map((line) => line.slice(4).replaceAll(/--mount=\S+ /g, ''))

async function sumBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** The packages that `npm prune --omit=dev` leaves, as links where that can be done. */
async function takePackages(folder: string): Promise<void> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'))
  const packages = Object.entries<{ dev?: true; devOptional?: true }>(lock.packages)
  const names = packages
    .filter(([, { dev, devOptional }]) => !dev && !devOptional)
    .flatMap(([path]) => /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1] ?? [])
  for (const scope of new Set(names.map((name) => /^@[^/]+/.exec(name)?.[0] ?? ''))) {
    const target = join(folder, 'node_modules', scope)
    mkdirSync(target, { recursive: true })
    const own = names.filter((name) => (/^@[^/]+/.exec(name)?.[0] ?? '') === scope)
    const paths = own.map((name) => join(ROOT, 'node_modules', name))
    const { status } = spawnSync('cp', ['-rl', ...paths, target])
    if (status !== 0) execFileSync('cp', ['-rf', ...paths, target])
  }
}

describe('the image', () => {
  it('adds at most 60 MB to its base: its packages less what it takes out, and the build', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'image-size-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    await takePackages(folder)
    const before = await sumBytes(folder)
    const [removal] = buildSteps.filter((step) => step.includes('rm -r src'))
    execFileSync('sh', ['-ec', removal ?? 'exit 1'], { cwd: folder })
    const packages = await sumBytes(folder)
    expect(packages).toBeLessThan(0.6 * before)
    const [, build = ''] =
      /\.\/(\w+)\/main\.mjs/.exec(await readFile(join(ROOT, 'dist/main.js'), 'utf8')) ?? []
    const built = await sumBytes(join(ROOT, 'dist', build))
    expect(packages + built).toBeLessThan(MOST_BYTES)
  })

  it.skipIf(!IS_LONG)(
    'is built by its steps, small, and works as any user in group 0',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'image-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
      const app = join(folder, 'app')
      const data = join(folder, 'data')
      chmodSync(folder, 0o755)
      for (const name of [
        'package.json',
        'package-lock.json',
        'tsconfig.json',
        '.build.mjs',
        'LICENSE',
        'src',
        'fixtures',
      ]) {
        cpSync(join(ROOT, name), join(app, name), { recursive: true })
      }
      for (const step of buildSteps) execFileSync('sh', ['-ec', step], { cwd: app })
      const parts = ['package.json', 'LICENSE'].map(
        async (name) => (await stat(join(app, name))).size,
      )
      const folders = ['node_modules', 'dist', 'fixtures/handlers', 'fixtures/requests']
      const sizes = await Promise.all([
        ...parts,
        ...folders.map((name) => sumBytes(join(app, name))),
      ])
      const bytes = sizes.reduce((sum, size) => sum + size, 0)
      console.log(`the image adds ${(bytes / 1e6).toFixed(1)} MB to its base`)
      expect(bytes).toBeLessThan(MOST_BYTES)

      mkdirSync(data)
      const isRoot = process.getuid?.() === 0
      if (isRoot) chownSync(data, 10_001, 0)
      chmodSync(data, 0o770)
      symlinkSync(join(app, 'fixtures/requests'), join(folder, 'requests'))
      const as = isRoot
        ? ['setpriv', `--reuid=${ANY_USER}`, '--regid=0', '--clear-groups', '--no-new-privs']
        : []
      const [program = '', ...args] = [...as, process.execPath, join(app, 'dist/main.js')]
      const env = {
        PATH: process.env['PATH'],
        DATA_DIR: data,
        TMPDIR: data,
        SUPPRESSIONS_DB: ':memory:',
      }
      const child = spawn(program, [...args, 'demo', '--once'], { cwd: app, env })
      onTestFinished(() => void child.kill('SIGKILL'))
      let printed = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (part) => {
          printed += part
        })
      await vi.waitFor(() => expect(child.exitCode, printed).toBe(0), {
        interval: 200,
        timeout: 120_000,
      })
    },
    900_000,
  )
})

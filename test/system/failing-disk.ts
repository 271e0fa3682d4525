import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestContext } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'

const SOURCE = fileURLToPath(new URL('./faults.c', import.meta.url))

/** A folder for the receiver's data, on a disk that fails when told to. */
export interface FailingDisk {
  readonly folder: string
  /** What the receiver's process needs, to feel the faults. */
  readonly env: Readonly<Record<string, string>>
  fill(): void
  makeRoom(): void
}

/** A small disk of its own, in memory; undefined where only root may mount one, and we are not. */
export function mountSmallDisk(megabytes: number): FailingDisk | undefined {
  const folder = newFolder()
  try {
    const options = `size=${megabytes}m`
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', folder]))
  const ballast = join(folder, 'ballast')
  return {
    folder: join(folder, 'data'),
    env: {},
    fill() {
      for (const bytes of [1024 * 1024, 4096]) fillWith(Buffer.alloc(bytes), ballast)
    },
    makeRoom: () => rmSync(ballast),
  }
}

function fillWith(block: Buffer, file: string): void {
  try {
    for (;;) writeFileSync(file, block, { flag: 'a' })
  } catch {
    // Full, as was wanted.
  }
}

export interface FaultyDisk extends FailingDisk {
  /** Has room for the log, and none to move it into the database. */
  fillDatabase(): void
  /** Lets the next sync of the database or its log fail, or of the database alone, once. */
  failNextSync(of: 'any' | 'database'): void
  /** Whether that sync has been tried. */
  hasFailed(): boolean
}

/** A disk whose system calls fail by a preloaded library; undefined without a C compiler or Linux. */
function createFaultyDisk(): FaultyDisk | undefined {
  if (process.platform !== 'linux') return undefined
  const folder = newFolder()
  const library = join(folder, 'faults.so')
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, SOURCE, '-ldl'], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  const faults = join(folder, 'faults')
  mkdirSync(faults)
  const set = (name: string) => writeFileSync(join(faults, name), '')
  const isSet = (name: string) => existsSync(join(faults, name))
  return {
    folder: join(folder, 'data'),
    env: { LD_PRELOAD: library, FAULTS: faults },
    fill: () => set('full'),
    fillDatabase: () => set('full-database'),
    makeRoom() {
      for (const name of ['full', 'full-database']) rmSync(join(faults, name), { force: true })
    },
    failNextSync: (of) => set(of === 'any' ? 'sync' : 'sync-database'),
    hasFailed: () => !isSet('sync') && !isSet('sync-database'),
  }
}

/** The same. Whoever has no compiler is told; but in CI somebody has to see that there is one. */
export function preloadDisk(context: TestContext): FaultyDisk {
  const disk = createFaultyDisk()
  if (disk === undefined && process.env.CI === 'true')
    throw new Error('This needs a C compiler: cc.')
  return disk ?? context.skip('NOT TESTED HERE: it needs a C compiler called cc, on Linux')
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-disk-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

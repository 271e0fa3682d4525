import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { builtFile, ownModule } from '../src/own-files.ts'

const { entryPoint } = await vi.importActual<typeof import('../src/entry-point.ts')>(
  fileURLToPath(new URL('../src/entry-point.ts', import.meta.url)),
)

describe('ownModule', () => {
  it('finds a module of a build in its folder, whatever its room', () => {
    const chunk = builtFile('chunk-ABC.mjs').href
    const found = ownModule('dispatch/host/handler-host', chunk)
    expect(found).toEqual(builtFile('handler-host.mjs'))
    expect(existsSync(found)).toBe(true)
  })
})

describe('entryPoint', () => {
  it('starts sources with what this Node needs to read them', () => {
    const { url, execArgv } = entryPoint('providers/read-value')
    const program = `import(${JSON.stringify(url)}).then((module) => console.log(Object.keys(module).join()))`
    const run = spawnSync(process.execPath, [...execArgv, '-e', program], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      encoding: 'utf8',
    })
    expect(run.stdout).toContain('clean')
  })
})

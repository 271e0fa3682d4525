import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { entryPoint } from '../src/entry-point.ts'

const SOURCES = new URL('../src/dispatch/process/spawn-host.ts', import.meta.url).href

describe('entryPoint', () => {
  it('starts built code as it is', () => {
    const built = entryPoint(
      '../host/handler-host',
      'file:///app/dist/dispatch/process/spawn-host.js',
    )
    expect(built).toEqual({
      url: new URL('file:///app/dist/dispatch/host/handler-host.js'),
      execArgv: [],
    })
  })

  it('starts sources with what this Node needs to read them', () => {
    const { url, execArgv } = entryPoint('../../providers/clean-text', SOURCES)
    const program = `import(${JSON.stringify(url)}).then((module) => console.log(Object.keys(module).join()))`
    const run = spawnSync(process.execPath, [...execArgv, '-e', program], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      encoding: 'utf8',
    })
    expect(run.stdout).toContain('clean')
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readEnvironment } from '../../src/config/environment.ts'
import { readSettings } from '../../src/config.ts'
import { onTestFinished } from '../on-test-finished.ts'

function makeFolder(text?: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'environment-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  if (text !== undefined) writeFileSync(join(folder, '.env'), text)
  return folder
}

describe('readEnvironment', () => {
  it('takes from .env what the process has not set, or has set and left empty', () => {
    const folder = makeFolder(`# ours\nPORT=4000\nHOST="::1"\nexport LOG_LEVEL='debug'\n`)
    const { env, file } = readEnvironment({ PORT: '5000', HOST: ' ', PATH: '/bin' }, folder)
    expect(env).toEqual({ PORT: '5000', HOST: '::1', LOG_LEVEL: 'debug', PATH: '/bin' })
    expect(file).toBe(join(folder, '.env'))
  })

  it('reads a .env as editors on Windows save it', () => {
    const folder = makeFolder('\uFEFFPORT=4000\r\nHOST="::1"\r\nLOG_LEVEL=debug\r\n')
    const { env } = readEnvironment({}, folder)
    expect(env).toEqual({ PORT: '4000', HOST: '::1', LOG_LEVEL: 'debug' })
  })

  it('says of a .env in UTF-16 that it is none that can be read', () => {
    const folder = makeFolder(Buffer.from('\uFEFFPORT=4000\r\n', 'utf16le'))
    const problem = '.env is not written in UTF-8'
    expect(() => readEnvironment({}, folder)).toThrow(problem)
  })

  it('does without a .env', () => {
    const env = { PORT: '5000' }
    expect(readEnvironment(env, makeFolder())).toEqual({ env, file: undefined })
  })

  it('lets a .env stand above the settings file, and be watched like it', () => {
    const folder = makeFolder('PORT=4000\nCONFIG_FILE=receiver.yaml\n')
    writeFileSync(join(folder, 'receiver.yaml'), 'port: 1\nadminPort: 2\n')
    const own = { MAILTRAP_SIGNING_SECRET: 'a'.repeat(32), HANDLERS: 'built-in:log' }
    const { env, file } = readEnvironment(own, folder)
    const settings = readSettings({ env, envFile: file, cwd: folder })
    expect(settings).toMatchObject({ port: 4000, admin: { port: 2 }, envFile: file })
    expect(settings.watchedFiles).toContain(file)
  })
})

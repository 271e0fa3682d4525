import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { onTestFinished } from '../on-test-finished.ts'
import { runCommand } from './run-command.ts'

const FILES = [
  ...['handlers/hard-bounces.ts', 'handlers/hard-bounces.test.ts'],
  ...['receiver.yaml', 'Dockerfile'],
]

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'init-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Where `npm install mailtrap-receiver` was run. */
function makeProject(): string {
  const folder = makeFolder()
  for (const name of ['node_modules', 'dist']) symlinkSync(resolve(name), join(folder, name))
  writeFileSync(join(folder, 'package.json'), readFileSync('package.json'))
  return folder
}

/** Without what our own runner of tests has set. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV)/.test(name)),
)

describe('mailtrap-receiver init', () => {
  it('makes a handler that check loads, the compiler takes and its own test proves', async () => {
    const cwd = makeProject()
    expect(await runCommand(['init', cwd])).toMatchObject({ exitCode: 0, err: '' })

    const run = promisify(execFile)
    const main = resolve('dist/main.js')
    const checked = await run('node', [main, 'check', '--dev', '--config', 'receiver.yaml'], {
      cwd,
    })
    expect(checked.stdout).toContain('✓ hard-bounces  handlers/hard-bounces.ts\n    email.bounced')

    const compilerOptions = {
      ...{ strict: true, noEmit: true, module: 'nodenext', target: 'es2022', skipLibCheck: true },
      ...{ types: ['node'], allowImportingTsExtensions: true },
    }
    const include = ['handlers']
    writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }))
    await run(join(cwd, 'node_modules/.bin/tsc'), [], { cwd })

    const vitest = ['vitest', 'run', '--dir', 'handlers', '--reporter=json']
    const { stdout } = await run('npx', vitest, { cwd, env })
    const report = JSON.parse(stdout.slice(stdout.indexOf('{')))
    expect(report).toMatchObject({ numPassedTests: 2, numTotalTests: 2 })
  })

  it('makes a Dockerfile that derives from ours, with the handlers and the settings', async () => {
    const folder = join(makeFolder(), 'new', 'webhooks')
    const { out } = await runCommand(['init', folder])
    expect(out).toContain(`\n  cd ${folder}\n`)
    const text = readFileSync(join(folder, 'Dockerfile'), 'utf8')
    const ours = readFileSync('Dockerfile', 'utf8')
    const [, workdir] = /^WORKDIR (\S+)$/m.exec(ours) ?? []
    expect(text).toContain('ARG RECEIVER_IMAGE=mailtrap-receiver\nFROM $' + '{RECEIVER_IMAGE}\n')
    const copied = [...text.matchAll(/^COPY --chmod=\d+ (\S+) (\S+)$/gm)]
    expect(copied.map(([, from, to]) => [from, to])).toEqual([
      ['handlers', `${workdir}/handlers`],
      ['receiver.yaml', `${workdir}/receiver.yaml`],
    ])
    expect(text).toContain(`ENV CONFIG_FILE=${workdir}/receiver.yaml\n`)
    const { handlers } = parse(readFileSync(join(folder, 'receiver.yaml'), 'utf8'))
    for (const { module } of handlers) expect(existsSync(join(folder, module))).toBe(true)
  })

  it('tells machines what it made', async () => {
    const folder = makeFolder()
    const { out } = await runCommand(['init', folder, '--json'])
    expect(JSON.parse(out)).toEqual({ folder, files: FILES })
    for (const name of FILES) expect(existsSync(join(folder, name))).toBe(true)
  })

  it.each(FILES)('overwrites no %s, and makes nothing beside it', async (name) => {
    const folder = makeFolder()
    await runCommand(['init', folder])
    for (const other of FILES) if (other !== name) rmSync(join(folder, other))
    writeFileSync(join(folder, name), 'mine')
    const { exitCode, err } = await runCommand(['init', folder])
    expect(exitCode).toBe(1)
    expect(err).toContain(`there is ${name} already, and nothing is overwritten`)
    expect(readFileSync(join(folder, name), 'utf8')).toBe('mine')
    expect(FILES.filter((file) => existsSync(join(folder, file)))).toEqual([name])
  })

  it('says why a folder cannot be made', async () => {
    const file = join(makeFolder(), 'file')
    writeFileSync(file, '')
    const { exitCode, err } = await runCommand(['init', file])
    expect(exitCode).toBe(1)
    expect(err).toMatch(/could not be written \((ENOTDIR|EEXIST)\)\. Give a folder/)
  })
})

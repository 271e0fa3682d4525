import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runCommand } from './run-command.ts'

const COMMANDS = [
  'serve',
  'demo',
  'send',
  'simulate',
  'webhooks',
  'check',
  'init',
  'events',
  'jobs',
  'handlers',
  'quarantine',
  'audit',
  'replay',
  'stats',
  'migrate',
  'completion',
]

describe('mailtrap-receiver', () => {
  it('prints the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(await runCommand(['--version'])).toEqual({ exitCode: 0, out: `${version}\n`, err: '' })
  })

  it('lists every command in its help', async () => {
    const { exitCode, out } = await runCommand(['--help'])
    expect(exitCode).toBe(0)
    for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} `, 'm'))
  })

  it.each(COMMANDS)('helps with %s, with examples', async (command) => {
    const { exitCode, out, err } = await runCommand([command, '--help'])
    expect(exitCode).toBe(0)
    expect(err).toBe('')
    expect(out).toContain(`Usage: mailtrap-receiver ${command}`)
    expect(out).toMatch(/Examples?:\n {2}(\w+=\S+ )?mailtrap-receiver/)
  })

  it.each([
    [['webhooks', 'help'], 'mailtrap-receiver webhooks'],
    [['events', 'help'], 'mailtrap-receiver events'],
    [['jobs', 'help', 'discard'], 'mailtrap-receiver jobs discard'],
    [['help', 'stats'], 'mailtrap-receiver stats'],
  ])('takes %j for a wish to be helped', async (argv, command) => {
    const { exitCode, out, err } = await runCommand(argv)
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    expect(out).toContain(`Usage: ${command} `)
  })

  it('keeps descriptions beside what they describe on a narrow terminal', async () => {
    const { out } = await runCommand(['jobs', '--help'], { columns: 60 })
    for (const line of out.split('Examples:')[0]?.split('\n') ?? []) {
      expect(line.length, line).toBeLessThanOrEqual(60)
    }
  })

  it.each([
    [['sned'], "unknown command 'sned'. Did you mean send?", 'mailtrap-receiver'],
    [['send', '--coutn', '5'], "unknown option '--coutn'", 'mailtrap-receiver send'],
    [['events', '--state', 'gone'], 'Allowed choices are pending', 'mailtrap-receiver events'],
    [['events', 'show'], "missing required argument 'id'", 'mailtrap-receiver events show'],
    [['jobs', '--limit', '0'], 'Give a whole number from 1.', 'mailtrap-receiver jobs'],
    [['stats', '--admin-url', 'localhost'], 'Give an address such as', 'mailtrap-receiver stats'],
    [
      ['events', 'shwo', '1'],
      "unknown command 'shwo'. Did you mean show?",
      'mailtrap-receiver events',
    ],
    [['quarantine', '7'], "unknown command '7'", 'mailtrap-receiver quarantine'],
    [
      ['jobs', 'help', 'retri'],
      "unknown command 'retri'. Did you mean retry?",
      'mailtrap-receiver jobs',
    ],
    [['help', 'stat'], "unknown command 'stat'. Did you mean stats?", 'mailtrap-receiver'],
    [['replay', '--state', 'pending'], 'Allowed choices are done', 'mailtrap-receiver replay'],
    [['stats', 'today'], 'too many arguments', 'mailtrap-receiver stats'],
    [['send', '--count', '1', '--timeout', '9999999'], 'from 1 to 86400', 'mailtrap-receiver send'],
    [['doctor', '--timeout', '9999999'], 'from 1 to 86400', 'mailtrap-receiver doctor'],
    [['simulate', '--timeout', '9999999'], 'from 1 to 86400', 'mailtrap-receiver simulate'],
    [['simulate', '--over', '99999999d'], 'up to 10000d', 'mailtrap-receiver simulate'],
    [['send', '-', '--connections', '99999999999'], 'to 10000', 'mailtrap-receiver send'],
    [['send', '-', '--content-type', 'a\nb'], 'Give a content type', 'mailtrap-receiver send'],
    [['--nonsense'], "unknown option '--nonsense'", 'mailtrap-receiver serve'],
    [
      ['jobs', '--handler', 'crm', 'retry', '--type', 'bounce'],
      "option '--handler <name>' stands before retry",
      'mailtrap-receiver jobs retry',
    ],
    [
      ['events', '--admin-url', 'http://127.0.0.1:1', 'show', '7'],
      "option '--admin-url <url>' stands before show",
      'mailtrap-receiver events show',
    ],
    [
      ['jobs', 'discard', '--handler', 'a', '--handler', 'b', '--reason', 'Over.'],
      "option '--handler <name>' is given twice",
      'mailtrap-receiver jobs discard',
    ],
    [['events', 'show', ''], 'an argument is empty', 'mailtrap-receiver events show'],
    [['quarantine', 'replay', ''], 'an argument is empty', 'mailtrap-receiver quarantine replay'],
  ])('answers %j with a hint and exit code 2', async (argv, problem, command) => {
    const { exitCode, out, err } = await runCommand(argv)
    expect(exitCode).toBe(2)
    expect(out).toBe('')
    expect(err).toContain(problem)
    expect(err).toContain(`Try: ${command} --help\n`)
  })
})

describe('mailtrap-receiver serve', () => {
  const wrong = { PORT: 'many', RETAIN_EVENTS: 'long', MAILTRAP_SIGNING_SECRET: 'hunter2' }

  it('lists every problem of the settings at once and ends with 78', async () => {
    const { exitCode, out, err } = await runCommand([], { env: wrong })
    expect(exitCode).toBe(78)
    expect(out).toBe('')
    for (const name of Object.keys(wrong)) expect(err).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(err).not.toContain('hunter2')
  })

  it('says which setting is missing without any secret', async () => {
    const { exitCode, err } = await runCommand(['serve'])
    expect(exitCode).toBe(78)
    expect(err).toContain('MAILTRAP_SIGNING_SECRET')
  })

  it('gives machines the problems one by one', async () => {
    const { exitCode, err } = await runCommand(['serve', '--json'], { env: wrong })
    expect(exitCode).toBe(78)
    const { error, problems } = JSON.parse(err)
    expect(error).toBe('invalid_settings')
    expect(problems.map((problem: { setting: string }) => problem.setting).sort()).toEqual(
      Object.keys(wrong).sort(),
    )
  })

  it.each([
    [{ DATA_DIR: '/dev/null/data' }, 'DATA_DIR leads to the folder /dev/null/data'],
    [{ STORE_URL: 'sqlite:/dev/null/x.db' }, 'STORE_URL leads to the folder /dev/null'],
  ])('refuses a place where nothing can be written: %j', async (env, text) => {
    const secret = { MAILTRAP_SIGNING_SECRET: '0123456789abcdef0123456789abcdef' }
    const { exitCode, err } = await runCommand(['serve'], { env: { ...secret, ...env } })
    expect(exitCode).toBe(78)
    expect(err).toContain(`${text}, where nothing can be written (ENOTDIR). Give a folder`)
  })

  it('reads the file that --config names', async () => {
    const { exitCode, err } = await runCommand(['serve', '--config', '/does/not/exist.yaml'])
    expect(exitCode).toBe(78)
    expect(err).toContain('/does/not/exist.yaml')
  })
})

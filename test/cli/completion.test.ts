import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { runCommand } from './run-command.ts'

/** What bash would offer for the last of these words. */
async function complete(...words: readonly string[]): Promise<string[]> {
  const { out: script } = await runCommand(['completion', 'bash'])
  const typed = ['mailtrap-receiver', ...words].map((word) => `'${word}'`).join(' ')
  const ask = `COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _mailtrap_receiver
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout } = await promisify(execFile)('bash', ['-uc', `${script}\n${ask}`])
  return stdout.split('\n').filter((line) => line !== '')
}

describe('mailtrap-receiver completion', () => {
  const offers: Readonly<Record<string, readonly string[]>> = {
    ev: ['events'],
    he: ['help'],
    '--v': ['--version'],
    'handlers re': ['resume'],
    'webhooks c': ['create'],
    'events --fo': ['--follow'],
    'events show 7 --j': ['--json'],
    'events --json --state d': ['done', 'dead'],
    'jobs --state d': ['done', 'dead', 'discarded'],
    'jobs disc': ['discard'],
    'jobs discard --rea': ['--reason'],
    'send --provider mailt': ['mailtrap'],
    'completion ': ['bash', 'zsh', '--help'],
    // The shell goes on with names of files.
    'check --config ': [],
    'no-such ev': ['events'],
  }

  it.each(Object.entries(offers))('offers behind %j %j', async (typed, offered) => {
    expect(await complete(...typed.split(' '))).toEqual(offered)
  })

  it('offers every command of the help', async () => {
    const { out } = await runCommand(['--help'])
    const commands = out.slice(out.indexOf('Commands:'), out.indexOf('Examples:'))
    const names = [...commands.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(20)
    expect(await complete('')).toEqual(expect.arrayContaining(names))
  })

  it('has zsh run what is written for bash', async () => {
    const [bash, zsh] = await Promise.all(
      ['bash', 'zsh'].map((shell) => runCommand(['completion', shell])),
    )
    expect(zsh?.out).toBe(`autoload -U +X bashcompinit && bashcompinit\n${bash?.out}`)
    expect(await runCommand(['completion', 'fish'])).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('Allowed choices are bash, zsh'),
    })
  })
})

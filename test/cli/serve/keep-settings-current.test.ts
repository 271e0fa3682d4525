import { closeSync, openSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { keepSettingsCurrent } from '../../../src/cli/serve/keep-settings-current.ts'
import { readSettings, type Settings } from '../../../src/config.ts'
import { makeFolder, OLD_SECRET, SECRET } from '../../config/settings-folder.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { CERTIFICATES } from '../../receive/certificates.ts'

/** Settings in `receiver.yaml` that are kept current, and what was taken of them and logged. */
async function keep(cwd: string, whileApplied = () => {}) {
  const read = () => readSettings({ env: { CONFIG_FILE: 'receiver.yaml' }, cwd })
  const taken: Settings[] = []
  const audited: boolean[] = []
  const lines: string[] = []
  let ask = () => {}
  const stop = keepSettingsCurrent({
    settings: read(),
    read,
    apply: async (settings, { isAudited = true }) => {
      whileApplied()
      audited.push(isAudited)
      taken.push(settings)
      return []
    },
    log: pino({}, { write: (line) => lines.push(line) }),
    onReloadAsked: (listener) => {
      ask = listener
      return () => {}
    },
  })
  onTestFinished(stop)
  // A change before the first look is over would be seen twice.
  await expect.poll(() => taken).toHaveLength(1)
  const logged = () => lines.map((line) => JSON.parse(line))
  return { taken, audited, lines, logged, ask: () => ask() }
}

it.concurrent('takes a secret whose file comes after the settings that name it', async () => {
  const yaml = (file: string) =>
    `sources: { a: { provider: mailtrap, secrets: { file: ${file} } } }`
  const cwd = makeFolder({ 'receiver.yaml': yaml('./old'), old: OLD_SECRET })
  const { taken, lines } = await keep(cwd)
  writeFileSync(join(cwd, 'receiver.yaml'), yaml('./new'))
  await expect.poll(() => lines.join()).toContain('ENOENT')
  writeFileSync(join(cwd, 'new'), SECRET)
  await expect.poll(() => taken.at(-1)?.sources[0]?.secrets).toEqual([SECRET])
  writeFileSync(join(cwd, 'new'), `${SECRET},${OLD_SECRET}`)
  await expect.poll(() => taken.at(-1)?.sources[0]?.secrets).toEqual([SECRET, OLD_SECRET])
})

it.concurrent('takes a certificate whose files come after the settings that name them', async () => {
  const [first] = CERTIFICATES
  const yaml = `mailtrapSigningSecret: ${SECRET}\n`
  const cwd = makeFolder({ 'receiver.yaml': yaml })
  const { taken, lines } = await keep(cwd)
  writeFileSync(join(cwd, 'receiver.yaml'), `${yaml}tlsCertFile: cert.pem\ntlsKeyFile: key.pem\n`)
  await expect.poll(() => lines.join()).toContain('ENOENT')
  writeFileSync(join(cwd, 'cert.pem'), String(first?.cert))
  writeFileSync(join(cwd, 'key.pem'), String(first?.key))
  await expect.poll(() => taken.at(-1)?.tls?.keyFile).toBe(join(cwd, 'key.pem'))
})

const NOTHING = 'settings read again: nothing in them has changed'

it.concurrent('tells and records it when nothing has changed, but not of the first look at the files', async () => {
  const cwd = makeFolder({ 'receiver.yaml': `mailtrapSigningSecret: ${SECRET}\n` })
  const { ask, audited, logged, taken } = await keep(cwd)
  expect(logged()).toEqual([])
  expect(audited).toEqual([false])
  ask()
  await expect.poll(logged).toMatchObject([{ msg: NOTHING, reason: 'asked by SIGHUP' }])
  utimesSync(join(cwd, 'receiver.yaml'), 1, 1)
  await expect.poll(logged).toMatchObject([{}, { msg: NOTHING, reason: 'a file changed' }])
  writeFileSync(join(cwd, 'receiver.yaml'), `mailtrapSigningSecret: ${OLD_SECRET}\n`)
  await expect.poll(() => logged().at(-1)?.msg).toBe('settings read again')
  expect(taken.at(-1)?.sources[0]?.secrets).toEqual([OLD_SECRET])
  expect(audited).toEqual([false, true, true, true])
})

it.concurrent('says of what is written while others are taken that it was read once it is', async () => {
  const cwd = makeFolder({ 'receiver.yaml': `mailtrapSigningSecret: ${SECRET}\n` })
  let isFirst = true
  const { logged, taken } = await keep(cwd, () => {
    if (isFirst) writeFileSync(join(cwd, 'receiver.yaml'), `mailtrapSigningSecret: ${OLD_SECRET}\n`)
    isFirst = false
  })
  await expect.poll(() => taken).toHaveLength(2)
  expect(logged().map(({ msg }) => msg)).toEqual(['settings read again'])
  expect(taken.at(-1)?.sources[0]?.secrets).toEqual([OLD_SECRET])
})

it.concurrent('says of a certificate that was renewed in its file that something has changed', async () => {
  const [first, second] = CERTIFICATES
  const cwd = makeFolder({
    'receiver.yaml': `mailtrapSigningSecret: ${SECRET}\ntlsCertFile: pair.pem\ntlsKeyFile: pair.pem\n`,
    'pair.pem': `${first?.cert}${first?.key}`,
  })
  const { logged } = await keep(cwd)
  writeFileSync(join(cwd, 'pair.pem'), `${second?.cert}${second?.key}`)
  await expect.poll(() => logged().map(({ msg }) => msg)).toEqual(['settings read again'])
})

it.skipIf(process.platform !== 'linux')(
  'warns when a file was replaced, but is mounted in a way that shows only the old one',
  async () => {
    const cwd = makeFolder({ secret: SECRET })
    // Leads to the file itself, as a mount of a single file does, and not to its name.
    const open = openSync(join(cwd, 'secret'), 'r')
    onTestFinished(() => closeSync(open))
    const path = `/proc/self/fd/${open}`
    const yaml = `sources: { a: { provider: mailtrap, secrets: { file: ${path} } } }`
    writeFileSync(join(cwd, 'receiver.yaml'), yaml)
    const { logged, taken } = await keep(cwd)
    rmSync(join(cwd, 'secret'))
    writeFileSync(join(cwd, 'secret'), OLD_SECRET)
    await expect.poll(logged).toContainEqual(
      expect.objectContaining({
        level: 40,
        msg: expect.stringMatching(`^The file ${path} was replaced .* Mount its folder`),
      }),
    )
    await expect.poll(logged).toContainEqual(expect.objectContaining({ msg: NOTHING }))
    expect(taken.at(-1)?.sources[0]?.secrets).toEqual([SECRET])
  },
)

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { keepSettingsCurrent } from '../../../src/cli/serve/keep-settings-current.ts'
import { readSettings, type Settings } from '../../../src/config.ts'
import { makeFolder, OLD_SECRET, SECRET } from '../../config/settings-folder.ts'
import { CERTIFICATES } from '../../http/certificates.ts'

/** Settings in `receiver.yaml` that are kept current, and what was taken of them and logged. */
async function keep(cwd: string) {
  const read = () => readSettings({ env: { CONFIG_FILE: 'receiver.yaml' }, cwd })
  const taken: Settings[] = []
  const lines: string[] = []
  const stop = keepSettingsCurrent({
    settings: read(),
    read,
    apply: async (settings) => {
      taken.push(settings)
      return []
    },
    log: pino({}, { write: (line) => lines.push(line) }),
    onReloadAsked: () => () => {},
  })
  onTestFinished(stop)
  // A change before the first look is over would be seen twice.
  await expect.poll(() => taken).toHaveLength(1)
  return { taken, lines }
}

it('takes a secret whose file comes after the settings that name it', async () => {
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

it('takes a certificate whose files come after the settings that name them', async () => {
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

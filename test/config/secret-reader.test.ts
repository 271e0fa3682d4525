import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SETTINGS } from '../../src/config.ts'
import { makeFolder, problemLines, read, readYaml, SECRET } from './settings-folder.ts'

describe('a value where the path of a file or the name of a variable should be', () => {
  const PEM = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg/kqhkiG9w0\n-----END PRIVATE KEY-----'
  const values = [
    PEM,
    PEM.replaceAll('\n', ''),
    SECRET,
    SECRET.toUpperCase(),
    'hunter2hunter2',
    'correct/horse',
    '/hunter2',
    'letmein.now',
    'postgres://u:pw@h/d',
    'k3/aB9xYz/Qw7rT5uV2/mN4pL6',
    '/k3/aB9xYz/Qw7rT5uV2/mN4pL6',
    'C0FFEE_8D9A3C0E7F5B2D4A',
    'ABCDEFABCDEFABCDEFAB',
    'HUNTER',
  ]

  it.each(values)('is never shown: %j', (value) => {
    const text = JSON.stringify(value)
    const yaml = `urlToken: { env: ${text} }\nsources: { a: { provider: mailtrap, secrets: [{ env: ${text} }], basicAuth: { file: ${text} } } }`
    const names = SETTINGS.filter(({ isSecret }) => isSecret).map(({ name }) => `${name}_FILE`)
    const env = Object.fromEntries(
      [...names, 'TLS_KEY_FILE', 'TLS_CERT_FILE'].map((name) => [name, value]),
    )
    const { URL_TOKEN_FILE: _, ...others } = env
    const lines = [
      ...problemLines(() => readYaml(yaml, others)),
      ...problemLines(() => read({ CONFIG_FILE: value })),
    ]
    expect(lines.length).toBeGreaterThan(names.length + 2)
    expect(lines.join('\n')).not.toContain(value.split('\n')[0])
  })

  it('is told to be perhaps the value itself', () => {
    expect(problemLines(() => read({ MAILTRAP_SIGNING_SECRET_FILE: SECRET }))).toEqual([
      'MAILTRAP_SIGNING_SECRET_FILE names a file that cannot be read (ENOENT); it does not look like a path and may be the value itself, so it is not shown. Give the path of a file that this user may read.',
    ])
    expect(problemLines(() => readYaml(`mailtrapSigningSecret: { env: ${SECRET} }`))).toEqual([
      'mailtrapSigningSecret (receiver.yaml) names a variable that is not set; it may be the value itself, so it is not shown. Give the name of a variable that is set.',
    ])
  })

  it.each(['/run/secrets/mailtrap', './secret', '../etc/tls.d/key_2', 'key.pem', 'etc/key-1.pem'])(
    'is shown when it is surely a path: %s',
    (path) => {
      const cwd = makeFolder()
      const [line] = problemLines(() => read({ MAILTRAP_SIGNING_SECRET_FILE: path }, { cwd }))
      expect(line).toContain(`names the file ${resolve(cwd, path)}, which cannot be read (ENOENT)`)
    },
  )
})

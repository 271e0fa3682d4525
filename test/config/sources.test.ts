import { describe, expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import {
  makeFolder,
  OLD_SECRET,
  problemLines,
  read,
  readYaml,
  SECRET,
  WITH_SECRET,
} from './settings-folder.ts'

const CONTRACT_EXAMPLE = `
sources:
  transactional: { provider: mailtrap, secrets: [ { env: MT_TX_SECRET }, { file: secrets/mt_tx_old } ] }
  audit:         { provider: mailtrap, secrets: [ { env: MT_AUDIT_SECRET } ], allowIps: [mailtrap], basicAuth: { file: secrets/basic } }
  mailingapi:    { provider: mailingapi, secrets: [ { env: MAPI_SECRET } ], toleranceSeconds: 60 }
`

describe('sources of the YAML file', () => {
  it('are read as the documentation shows them', () => {
    const cwd = makeFolder({
      'receiver.yaml': CONTRACT_EXAMPLE,
      'secrets/mt_tx_old': `${OLD_SECRET}\n`,
      'secrets/basic': 'user:pass word \n',
    })
    const env = { MT_TX_SECRET: SECRET, MT_AUDIT_SECRET: SECRET, MAPI_SECRET: `whsec_${SECRET}` }
    const settings = read({ CONFIG_FILE: 'receiver.yaml', ...env }, { cwd })
    expect(settings.sources).toMatchObject([
      {
        name: 'transactional',
        provider: 'mailtrap',
        secrets: [SECRET, OLD_SECRET],
        allowIps: [],
        basicAuth: undefined,
      },
      {
        name: 'audit',
        allowIps: ['45.158.83.0/24', '5.181.200.0/24'],
        basicAuth: 'user:pass word ',
      },
      { name: 'mailingapi', provider: 'mailingapi', toleranceSeconds: 60, secretForm: 'raw' },
    ])
    expect(settings.secretVariables).toEqual(expect.arrayContaining(Object.keys(env)))
    expect(settings.watchedFiles).toEqual(
      ['receiver.yaml', 'secrets/mt_tx_old', 'secrets/basic'].map((path) => `${cwd}/${path}`),
    )
    expect(settings.warnings).toEqual([expect.stringContaining('TRUST_PROXY')])
  })

  it('have the common checks unless they have their own or none', () => {
    const yaml = `
      allowIps: 10.0.0.0/8
      sources:
        a: { provider: mailtrap, secrets: "${SECRET}" }
        b: { provider: mailtrap, secrets: "${SECRET}", allowIps: [], basicAuth: false, urlToken: false }
        c: { provider: mailtrap, secrets: "${SECRET}", allowIps: 192.0.2.1, basicAuth: "x:y", urlToken: own }
    `
    const { sources } = readYaml(yaml, { BASIC_AUTH: 'u:p', URL_TOKEN: 'ticket' })
    expect(
      sources.map(({ allowIps, basicAuth, urlToken }) => [allowIps, basicAuth, urlToken]),
    ).toEqual([
      [['10.0.0.0/8'], 'u:p', 'ticket'],
      [[], undefined, undefined],
      [['192.0.2.1/32'], 'x:y', 'own'],
    ])
  })

  it('may be called constructor', () => {
    const yaml = `sources: { constructor: { provider: mailtrap, secrets: "${SECRET}" } }`
    expect(readYaml(yaml).sources.map(({ name }) => name)).toEqual(['constructor'])
  })

  it('stand beside those of the environment', () => {
    const yaml = `sources: { audit: { provider: mailtrap, secrets: "${OLD_SECRET}" } }`
    expect(readYaml(yaml, WITH_SECRET).sources.map(({ name }) => name)).toEqual([
      'audit',
      'mailtrap',
    ])
  })

  it('take the secrets of the environment for the source of that name', () => {
    const yaml = `sources: { mailtrap: { provider: mailtrap, secrets: "${OLD_SECRET}", urlToken: t } }`
    const { sources } = readYaml(yaml, WITH_SECRET)
    expect(sources).toMatchObject([{ name: 'mailtrap', secrets: [SECRET], urlToken: 't' }])
    const bare = 'sources: { mailtrap: { provider: mailtrap, urlToken: t } }'
    expect(readYaml(bare, WITH_SECRET).sources).toEqual(sources)
  })

  it.each([
    [
      '{ Audit: { provider: mailtrap, secrets: S } }',
      'sources.Audit (receiver.yaml) cannot be part of a URL: "Audit". Name it with lower-case letters, digits, - and _, such as audit.',
    ],
    [
      '{ mailtrap: { provider: mailingapi, secrets: S } }',
      'sources.mailtrap (receiver.yaml) has the name of a provider but belongs to mailingapi. Give it another name, or provider: mailtrap.',
    ],
    [
      '{ a: { provider: sendmail, secrets: S } }',
      'sources.a.provider (receiver.yaml) is "sendmail", which is not known. Give one of mailtrap, mailingapi.',
    ],
    [
      '{ a: { secrets: S } }',
      'sources.a.provider (receiver.yaml) is missing. Give one of mailtrap, mailingapi.',
    ],
    [
      '{ a: { provider: mailtrap } }',
      'sources.a.secrets (receiver.yaml) are missing. Give at least one, such as [{ env: MT_SECRET }].',
    ],
    [
      '{ a: { provider: mailtrap, secrets: [] } }',
      'sources.a.secrets (receiver.yaml) is empty. Give at least one secret, newest first.',
    ],
    [
      '{ a: { provider: mailtrap, secrets: [{ env: MT_OLD_2 }] } }',
      'sources.a.secrets (receiver.yaml) names the variable MT_OLD_2, which is not set. Set MT_OLD_2.',
    ],
    [
      '{ a: { provider: mailtrap, secrets: 12345678901234567890123456789012 } }',
      'sources.a.secrets (receiver.yaml) is no secret. Give { env: NAME }, { file: PATH }, or the text itself in quotes.',
    ],
    [
      '{ a: { provider: mailtrap, secrets: [{ evn: X }] } }',
      'sources.a.secrets (receiver.yaml) is no secret. Give { env: NAME }, { file: PATH }, or the text itself in quotes.',
    ],
    [
      '{ a: { provider: mailtrap, secrets: S, basicAuth: } }',
      'sources.a.basicAuth (receiver.yaml) is no secret. Give { env: NAME }, { file: PATH }, or the text itself in quotes.',
    ],
    [
      '{ a: { provider: mailtrap, secrets: S, alowIps: [mailtrap] } }',
      'sources.a.alowIps (receiver.yaml) is no setting. Did you mean allowIps?',
    ],
    [
      '{ a: { provider: mailtrap, secrets: S, allowIps: } }',
      'sources.a.allowIps (receiver.yaml) is empty. Give a value, or remove the line.',
    ],
    [
      '{ a: { provider: mailtrap, secrets: S, secretForm: raw } }',
      'sources.a.secretForm (receiver.yaml) means nothing for mailtrap, whose signature knows no such choice. Remove it.',
    ],
    [
      '{ a: { provider: mailingapi, secrets: S, toleranceSeconds: 0 } }',
      'sources.a.toleranceSeconds (receiver.yaml) is "0", which is no whole number from 1 to 86400. Give a whole number from 1 to 86400.',
    ],
    [
      '{ a: { provider: mailtrap, secrets: S, silentAfter: soon } }',
      'sources.a.silentAfter (receiver.yaml) is "soon", which is no duration. Give a whole number with a unit (ms, s, m, h, d), such as 30s, 10m or 400d.',
    ],
    [
      '{ a: { provider: mailingapi, secrets: S, secretForm: hex } }',
      'sources.a.secretForm (receiver.yaml) is "hex", which is not known. Give one of raw, strip-prefix, base64.',
    ],
    ['[]', 'sources (receiver.yaml) is no list of sources. See the settings in the README.'],
  ])('%s is explained', (sources, sentence) => {
    const yaml = `sources: ${sources.replaceAll(/\bS\b/g, `"${SECRET}"`)}`
    expect(problemLines(() => readYaml(yaml))).toEqual([sentence])
  })

  it('say for how long they may be silent', () => {
    const secrets = `secrets: "${SECRET}"`
    const yaml = `sources:
      shop: { provider: mailtrap, ${secrets}, silentAfter: 6h }
      news: { provider: mailtrap, ${secrets}, silentAfter: off }
      audit: { provider: mailtrap, ${secrets} }`
    const silences = readYaml(yaml).sources.map(({ silentAfterMs }) => silentAfterMs)
    expect(silences).toEqual([6 * 3_600_000, Number.POSITIVE_INFINITY, undefined])
  })

  it('report the problems of all of them', () => {
    const yaml = `
      sources:
        a: { provider: wrong }
        b: { provider: mailtrap, secrets: [{ env: NONE }], extra: 1 }
        c: 7
      handlers: [{ module: 1, tiemout: 5s }]
      retainEvents: 1y
    `
    expect(problemLines(() => readYaml(yaml)).map((line) => line.split(' ')[0])).toEqual([
      'sources.a.provider',
      'sources.b.extra',
      'sources.c',
      'handlers.0.tiemout',
      'retainEvents',
      'handlers.0.module',
      'sources.b.secrets',
    ])
  })

  it('given twice in the file are a problem', () => {
    const yaml = `mailtrapSigningSecret: ${SECRET}\nsources: { mailtrap: { provider: mailtrap, secrets: "${SECRET}" } }`
    expect(problemLines(() => readYaml(yaml))).toEqual([
      'sources.mailtrap.secrets (receiver.yaml) are given twice, also as mailtrapSigningSecret (receiver.yaml). Remove one of them.',
    ])
  })
})

describe('the YAML file', () => {
  it.each([
    ['a: [', 'CONFIG_FILE is no YAML: bad indent at line 1, column 5. Mend that line.'],
    [
      'port: 1\nport: 2',
      'CONFIG_FILE is no YAML: duplicate key at line 2, column 1. Mend that line.',
    ],
    [
      'just text',
      'CONFIG_FILE holds no settings of the form name: value. See the settings in the README.',
    ],
    ['', 'CONFIG_FILE is empty. Write settings into it, or remove CONFIG_FILE.'],
    ['# port: 1', 'CONFIG_FILE is empty. Write settings into it, or remove CONFIG_FILE.'],
    ['configFile: x', expect.stringMatching(/^configFile \(receiver.yaml\) is no setting\. /)],
    ['retanEvents: 1d', 'retanEvents (receiver.yaml) is no setting. Did you mean retainEvents?'],
    ['port:', 'port (receiver.yaml) is empty. Give a value, or remove the line.'],
    [
      'port: { a: 1 }',
      'port (receiver.yaml) is neither a text nor a list of texts. Give a value, or remove the line.',
    ],
    ['trustProxy: true', expect.stringContaining('lets the sender choose')],
    [
      'role: all\nadminPassword: *x!leak',
      'CONFIG_FILE is no YAML: unresolved alias at line 2, column 16. Put a value that begins with * in quotes.',
    ],
    [
      'hosts: &a [1, 2]\nport: [*a, *b]\n',
      'CONFIG_FILE is no YAML: unresolved alias at line 2, column 12. Put a value that begins with * in quotes.',
    ],
    [
      'a: &a leak\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c]',
      'CONFIG_FILE is no YAML: its aliases stand for too much. Write the values out.',
    ],
    [
      'retrySchedule: &a [*a]',
      'CONFIG_FILE is no YAML: its aliases stand for too much. Write the values out.',
    ],
  ])('%j is explained', (yaml, sentence) => {
    expect(problemLines(() => readYaml(yaml, WITH_SECRET))).toEqual([sentence])
  })

  it('hides no other problem when an alias in it means nothing', () => {
    const lines = problemLines(() => readYaml('port: *x', { ...WITH_SECRET, ROLE: 'boss' }))
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['CONFIG_FILE', 'ROLE'])
  })

  it('says nothing of a key that is no text, which may be a secret', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => warn.mockRestore())
    expect(problemLines(() => readYaml('adminPassword: {{ leak }}', WITH_SECRET))).toHaveLength(1)
    expect(warn).not.toHaveBeenCalled()
  })

  it('may give numbers, switches and lists as YAML does', () => {
    const settings = readYaml('port: 8080\nadminPort: off\nretrySchedule: [1s, 2s]', WITH_SECRET)
    expect(settings).toMatchObject({ port: 8080, admin: undefined, retryDelaysMs: [1000, 2000] })
  })

  it('is not told of a missing secret when its sources cannot be read', () => {
    expect(problemLines(() => readYaml('sourcs: {}'))).toHaveLength(1)
    expect(problemLines(() => readYaml('sources: {}'))).toEqual([
      expect.stringMatching(/^MAILTRAP_SIGNING_SECRET is missing/),
    ])
  })
})

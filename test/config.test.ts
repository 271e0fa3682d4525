import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import {
  handlerEnvironment,
  readSettings,
  SETTINGS,
  type Settings,
  SettingsError,
} from '../src/config.ts'
import {
  makeFolder,
  OLD_SECRET,
  problemLines,
  read,
  readYaml,
  SECRET,
  WITH_SECRET,
} from './config/settings-folder.ts'

const DAY_MS = 86_400_000

type Row = [name: string, text: string, field: (settings: Settings) => unknown, value: unknown]

describe('a setting', () => {
  it.each<Row>([
    ['HOST', '0.0.0.0', ({ host }) => host, '0.0.0.0'],
    ['PORT', '3000', ({ port }) => port, 3000],
    ['ADMIN_HOST', '127.0.0.1', ({ admin }) => admin?.host, '127.0.0.1'],
    ['ADMIN_PORT', '3001', ({ admin }) => admin?.port, 3001],
    ['ROLE', 'all', ({ role }) => role, 'all'],
    ['BODY_LIMIT', '10MB', ({ bodyLimitBytes }) => bodyLimitBytes, 10 * 1024 * 1024],
    ['KEEP_ALIVE', '650s', ({ keepAliveMs }) => keepAliveMs, 650_000],
    ['HANDLER_TIMEOUT', '30s', ({ handlerTimeoutMs }) => handlerTimeoutMs, 30_000],
    [
      'RETRY_SCHEDULE',
      '5s,30s,2m,10m,30m,1h,3h,6h,12h',
      ({ retryDelaysMs }) => retryDelaysMs.map((ms) => ms / 1000),
      [5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200],
    ],
    ['RETAIN_EVENTS', '30d', ({ retainEventsMs }) => retainEventsMs, 30 * DAY_MS],
    ['RETAIN_DEAD', '90d', ({ retainDeadMs }) => retainDeadMs, 90 * DAY_MS],
    ['RETAIN_KEYS', '400d', ({ retainKeysMs }) => retainKeysMs, 400 * DAY_MS],
    ['LOG_LEVEL', 'info', ({ logLevel }) => logLevel, 'info'],
  ])('%s is %s unless it is given', (name, text, field, value) => {
    expect(field(read(WITH_SECRET))).toEqual(value)
    expect(SETTINGS.find((setting) => setting.name === name)?.default).toBe(text)
  })

  const given: [
    name: string,
    text: string,
    field: (settings: Settings) => unknown,
    value: unknown,
  ][] = [
    [
      'MAILTRAP_SIGNING_SECRET',
      `${SECRET}, ${OLD_SECRET}`,
      secretsOf('mailtrap'),
      [SECRET, OLD_SECRET],
    ],
    ['MAILINGAPI_SIGNING_SECRET', `whsec_${SECRET}`, secretsOf('mailingapi'), [`whsec_${SECRET}`]],
    ['STORE_URL', 'sqlite:/var/lib/r.db', ({ storeFile }) => storeFile, '/var/lib/r.db'],
    ['STORE_URL', 'sqlite:///var/lib/r.db', ({ storeUrl }) => storeUrl, 'sqlite:/var/lib/r.db'],
    ['STORE_URL', 'postgres://u:p@h:1/d', ({ storeUrl }) => storeUrl, 'postgres://u:p@h:1/d'],
    ['STORE_URL', 'postgresql://u:p@h/d', ({ storeFile }) => storeFile, undefined],
    [
      'STORE_URL',
      'postgres://u:p@h:1/d?schema=a',
      ({ storeLabel }) => storeLabel,
      'postgres://u@h:1/d',
    ],
    [
      'STORE_URL',
      'postgres://u@h/d?sslrootcert=system&connect_timeout=20',
      ({ storeUrl }) => storeUrl,
      'postgres://u@h/d?sslrootcert=system&connect_timeout=20',
    ],
    [
      'STORE_URL',
      'postgres://u@/d?host=/run',
      ({ storeLabel }) => storeLabel,
      'postgres://u@/run/d',
    ],
    [
      'DATA_DIR',
      '/var/lib/receiver',
      ({ storeFile }) => storeFile,
      '/var/lib/receiver/receiver.db',
    ],
    ['HOST', '::1', ({ host }) => host, '::1'],
    ['PORT', '0', ({ port }) => port, 0],
    ['ADMIN_HOST', 'localhost', ({ admin }) => admin?.host, 'localhost'],
    ['ADMIN_PORT', '9000', ({ admin }) => admin?.port, 9000],
    ['ADMIN_PORT', 'off', ({ admin }) => admin, undefined],
    ['ADMIN_PORT', 'OFF', ({ admin }) => admin, undefined],
    ['ADMIN_PASSWORD', 'long enough', ({ admin }) => admin?.password, 'long enough'],
    ['TRUST_PROXY', '10.0.0.0/8, ::1', ({ trustProxy }) => trustProxy, ['10.0.0.0/8', '::1/128']],
    [
      'ALLOW_IPS',
      'mailtrap,192.0.2.1',
      firstSource('allowIps'),
      ['45.158.83.0/24', '5.181.200.0/24', '192.0.2.1/32'],
    ],
    ['BASIC_AUTH', 'user:pass:word', firstSource('basicAuth'), 'user:pass:word'],
    ['URL_TOKEN', 'ticket', firstSource('urlToken'), 'ticket'],
    ['BODY_LIMIT', '2MB', ({ bodyLimitBytes }) => bodyLimitBytes, 2 * 1024 * 1024],
    ['HANDLER_TIMEOUT', '90s', ({ handlers }) => handlers[0]?.timeoutMs, 90_000],
    ['RETRY_SCHEDULE', '1s,2s', ({ handlers }) => handlers[0]?.retryDelaysMs, [1000, 2000]],
    ['RETRY_SCHEDULE', 'none', ({ retryDelaysMs }) => retryDelaysMs, []],
    ['RETAIN_EVENTS', '7d', ({ retainEventsMs }) => retainEventsMs, 7 * DAY_MS],
    ['RETAIN_DEAD', '8d', ({ retainDeadMs }) => retainDeadMs, 8 * DAY_MS],
    ['RETAIN_KEYS', '100d', ({ retainKeysMs }) => retainKeysMs, 100 * DAY_MS],
    ['LOG_LEVEL', 'debug', ({ logLevel }) => logLevel, 'debug'],
    ['HANDLERS', 'built-in:log', ({ handlers }) => handlers[0]?.module, 'built-in:log'],
  ]

  it.each(given)('%s=%s is read from the environment', (name, text, field, value) => {
    expect(field(read({ ...WITH_SECRET, [name]: text }))).toEqual(value)
  })

  const inFile = given.filter(([name]) => name !== 'HANDLERS')
  it.each(inFile)('%s: %s is read from the YAML file', (name, text, field, value) => {
    const key = SETTINGS.find((setting) => setting.name === name)?.fileKey
    const env = name === 'MAILTRAP_SIGNING_SECRET' ? {} : WITH_SECRET
    expect(field(readYaml(`${key}: ${JSON.stringify(text)}`, env))).toEqual(value)
  })

  const secrets = given.filter(([name]) =>
    SETTINGS.some((row) => row.name === name && row.isSecret),
  )
  it.each(secrets)(
    '%s is read from a file, without its byte order mark and line end',
    (name, text, field, value) => {
      const cwd = makeFolder({ secret: `\uFEFF${text}\r\n` })
      const env = name === 'MAILTRAP_SIGNING_SECRET' ? {} : WITH_SECRET
      const settings = read({ ...env, [`${name}_FILE`]: 'secret' }, { cwd })
      expect(field(settings)).toEqual(value)
      expect(settings.watchedFiles).toEqual([join(cwd, 'secret')])
    },
  )

  it('of the environment wins over the file', () => {
    const yaml = `port: 1\nretainEvents: 1d\nmailtrapSigningSecret: ${OLD_SECRET}`
    const settings = readYaml(yaml, { ...WITH_SECRET, PORT: '2' })
    expect(settings.port).toBe(2)
    expect(settings.sources[0]?.secrets).toEqual([SECRET])
    expect(settings.retainEventsMs).toBe(DAY_MS)
  })

  it('of the file may be right or wrong where the environment has its own', () => {
    expect(readYaml('port: nonsense', { ...WITH_SECRET, PORT: '2' }).port).toBe(2)
  })

  it('with a path is found from the folder of whoever names it', () => {
    const cwd = makeFolder({ 'etc/receiver.yaml': 'dataDir: ../var', 'etc/x': '' })
    expect(read({ ...WITH_SECRET, CONFIG_FILE: 'etc/receiver.yaml' }, { cwd }).dataDir).toBe(
      join(cwd, 'var'),
    )
    expect(read({ ...WITH_SECRET, DATA_DIR: 'var' }, { cwd }).dataDir).toBe(join(cwd, 'var'))
  })
})

describe('a variable that is set and empty', () => {
  it.each(SETTINGS.map(({ name }) => name))('counts as not set: %s', (name) => {
    const cwd = makeFolder()
    const { warnings: _none, ...settings } = read(WITH_SECRET, { cwd })
    for (const text of ['', ' ', '\n']) {
      const empty = { [name]: text, [`${name}_FILE`]: text }
      expect(read({ ...empty, ...WITH_SECRET }, { cwd })).toMatchObject(settings)
    }
  })

  it('opens no door in silence', () => {
    for (const name of ['ALLOW_IPS', 'BASIC_AUTH', 'URL_TOKEN']) {
      expect(read({ ...WITH_SECRET, [name]: '' }).warnings).toEqual([
        `${name} is set and empty, which counts as not set: it keeps nobody out.`,
      ])
    }
    const open = { ...WITH_SECRET, ADMIN_HOST: '0.0.0.0', ADMIN_PASSWORD: '' }
    expect(problemLines(() => read(open))[0]).toContain('ADMIN_PASSWORD is missing')
    const none = { MAILTRAP_SIGNING_SECRET: '' }
    expect(problemLines(() => read(none))[0]).toContain('MAILTRAP_SIGNING_SECRET is missing')
  })
})

describe('a wrong setting', () => {
  const wrong: [env: NodeJS.ProcessEnv, sentence: string][] = [
    [
      { PORT: '70000' },
      'PORT is "70000", which is no whole number from 0 to 65535. Give a whole number from 0 to 65535.',
    ],
    [
      { PORT: '3001' },
      'ADMIN_PORT is 3001, the same as PORT. Give the admin listener a port of its own, or off.',
    ],
    [
      { HOST: 'no host' },
      'HOST is "no host", which is no address. Give an address of this machine, such as 0.0.0.0 for all or 127.0.0.1.',
    ],
    [
      { ADMIN_PORT: 'no' },
      'ADMIN_PORT is "no", which is no whole number from 0 to 65535. Give a whole number from 0 to 65535, or off.',
    ],
    [
      { ADMIN_PORT: 'tcp://10.0.0.7:80' },
      'ADMIN_PORT is "tcp://10.0.0.7:80", which Kubernetes or Docker sets for a service named admin. Set enableServiceLinks: false in the pod, or the port itself.',
    ],
    [
      { ADMIN_HOST: '0.0.0.0' },
      'ADMIN_PASSWORD is missing, and the admin listener can be reached from other machines. Set ADMIN_PASSWORD, or ADMIN_HOST to 127.0.0.1, or ADMIN_PORT to off.',
    ],
    [
      { ADMIN_PASSWORD: 'short' },
      'ADMIN_PASSWORD is too short for a password (8 characters at least). Give a longer one.',
    ],
    [
      { ROLE: 'work' },
      'ROLE is work, and an SQLite file is not shared with those who do the rest. Set STORE_URL to postgres://…, or the role to all.',
    ],
    [{ ROLE: 'boss' }, 'ROLE is "boss", which is no role. Give one of all, receive, work.'],
    [
      { STORE_URL: 'postgres://u:p@h' },
      'STORE_URL names no database. Give sqlite:<path of a file> or postgres://<user>:<password>@<host>/<database>.',
    ],
    [
      { STORE_URL: 'postgres://u:p#x@h/d' },
      'STORE_URL is no address of a PostgreSQL database. Give sqlite:<path of a file> or postgres://<user>:<password>@<host>/<database>. Characters such as @ / # in a password are written as %40 %2F %23.',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?sslmode=prefer' },
      'STORE_URL asks for sslmode=prefer. Give one of disable, require, verify-ca, verify-full.',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?sslmode=verify-ca' },
      'STORE_URL asks for sslmode=verify-ca without an authority to verify by. Add sslrootcert=<file>, or use verify-full, which knows the public ones.',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?sslmode=require&sslrootcert=/no/such.pem' },
      'STORE_URL names the file /no/such.pem, which cannot be read (ENOENT). Give the path of a file that this user may read.',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?sslmode=require&sslrootcert=system' },
      'STORE_URL asks for sslrootcert=system without sslmode=verify-full. Give both: anybody can have a certificate of those authorities, so the host is to be verified.',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?sslnegotiation=fast' },
      'STORE_URL asks for sslnegotiation=fast. Give one of postgres, direct.',
    ],
    ...['Robert%22%3B', 'pg_mine', ''].map((name): [NodeJS.ProcessEnv, string] => [
      { STORE_URL: `postgres://u@h/d?schema=${name}` },
      'STORE_URL names a schema that is not to be used. Give lower-case letters, digits and _, at most 63, not beginning with pg_.',
    ]),
    [
      { STORE_URL: 'postgres://u@h/d?connect_timeout=soon' },
      'STORE_URL asks for connect_timeout=soon. Give whole seconds, such as connect_timeout=10.',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?target_session_attrs=read-write' },
      'STORE_URL holds target_session_attrs, which is not supported. Name the server that takes writes alone.',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?channel_binding=require' },
      'STORE_URL holds channel_binding, which is not supported. Remove it, and have the server verified with sslmode=verify-full.',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?keepalives_idle=5' },
      'STORE_URL holds keepalives_idle, which is not supported. Remove it.',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?sslmod=require' },
      'STORE_URL holds a parameter that is not known. Did you mean sslmode?',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?Tr0ub4dor=1' },
      'STORE_URL holds a parameter that is not known. Known are host, port, user, password, options, application_name, schema, connect_timeout, sslmode, sslrootcert, sslcert, sslkey, sslnegotiation.',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?sslmode=require&sslmode=disable' },
      'STORE_URL holds sslmode twice. Remove one of them.',
    ],
    [
      { STORE_URL: 'postgres://u@h/d?sslmode=require&sslcert=/dev/null' },
      'STORE_URL names the file /dev/null, which cannot be used. Give a PEM file without a pass phrase.',
    ],
    [
      { STORE_URL: 'sqlite::memory:' },
      'STORE_URL keeps events in memory, where a crash loses them. Give sqlite:<path of a file> or postgres://<user>:<password>@<host>/<database>.',
    ],
    [
      { STORE_URL: 'mysql://x' },
      'STORE_URL is no address of a store. Give sqlite:<path of a file> or postgres://<user>:<password>@<host>/<database>.',
    ],
    [
      { TRUST_PROXY: '1' },
      'TRUST_PROXY is "1"; a switch or a number of hops lets the sender choose his address. Give the addresses of your load balancers, such as 10.0.0.0/8.',
    ],
    [
      { TRUST_PROXY: 'true' },
      'TRUST_PROXY is "true"; a switch or a number of hops lets the sender choose his address. Give the addresses of your load balancers, such as 10.0.0.0/8.',
    ],
    [
      { TRUST_PROXY: '10.0.0.0/8,::/0' },
      'TRUST_PROXY holds ::/0, which trusts every address. Give only the addresses of your load balancers, such as 10.0.0.0/8.',
    ],
    [
      { ALLOW_IPS: '10.0.0.0/33' },
      'ALLOW_IPS holds "10.0.0.0/33", which is no address block. Give addresses or CIDR blocks separated by commas, such as 10.0.0.0/8.',
    ],
    [
      { BASIC_AUTH: 'nobody' },
      'BASIC_AUTH is not user:password. Give both, with a colon between them.',
    ],
    [{ BODY_LIMIT: '1MB' }, 'BODY_LIMIT is 1MB, too little. The least is 2MB.'],
    [{ BODY_LIMIT: '1GB' }, 'BODY_LIMIT is 1GB, too much. The most is 64MB.'],
    [
      { BODY_LIMIT: '10' },
      'BODY_LIMIT is "10", which is no size. Give a whole number with a unit (KB, MB, GB), such as 10MB.',
    ],
    [{ HANDLER_TIMEOUT: '0s' }, 'HANDLER_TIMEOUT is 0s, too little. The least is 10ms.'],
    [
      { HANDLER_TIMEOUT: '-1s' },
      'HANDLER_TIMEOUT is "-1s", which is no duration. Give a whole number with a unit (ms, s, m, h, d), such as 30s, 10m or 400d.',
    ],
    [{ RETRY_SCHEDULE: '5s,0s' }, 'RETRY_SCHEDULE is 0s, too little. The least is 1ms.'],
    [
      { RETRY_SCHEDULE: '5s,,1m' },
      'RETRY_SCHEDULE is "5s,,1m", where a wait is empty. Give a duration before and after each comma, such as 5s,30s,2m.',
    ],
    [
      { RETRY_SCHEDULE: '7d,7d', RETAIN_EVENTS: '10d' },
      'RETRY_SCHEDULE goes on for longer than RETAIN_EVENTS keeps the event. Make the waits shorter, or RETAIN_EVENTS longer.',
    ],
    [
      { RETAIN_EVENTS: '30' },
      'RETAIN_EVENTS is "30", which is no duration. Give a whole number with a unit (ms, s, m, h, d), such as 30s, 10m or 400d.',
    ],
    [{ RETAIN_DEAD: '10001d' }, 'RETAIN_DEAD is 10001d, too much. The most is 10000d.'],
    [{ RETAIN_KEYS: '1h' }, 'RETAIN_KEYS is 1h, too little. The least is 1d.'],
    [
      { RETAIN_KEYS: '60d' },
      'RETAIN_KEYS is shorter than RETAIN_DEAD, so that an event still kept could come in again. Make it at least as long as RETAIN_DEAD.',
    ],
    [
      { LOG_LEVEL: 'loud' },
      'LOG_LEVEL is "loud", which is no level. Give one of trace, debug, info, warn, error, fatal, silent.',
    ],
    [
      { CONFIG_FILE: '/no/such' },
      'CONFIG_FILE names the file /no/such, which cannot be read (ENOENT). Give the path of a file that this user may read.',
    ],
    [
      { BASIC_AUTH_FILE: '/no/such' },
      'BASIC_AUTH_FILE names the file /no/such, which cannot be read (ENOENT). Give the path of a file that this user may read.',
    ],
    [
      { URL_TOKEN: 'a', URL_TOKEN_FILE: 'b' },
      'URL_TOKEN is given twice, also as URL_TOKEN_FILE. Remove one of them.',
    ],
    [
      { TLS_CERT_FILE: 'cert.pem' },
      'TLS_CERT_FILE is given without TLS_KEY_FILE. Give TLS_KEY_FILE too, or remove it.',
    ],
    [
      { HANDLERS: '/no/such.ts' },
      'HANDLERS names /no/such.ts, which does not exist. Give modules or folders that do.',
    ],
    [
      { MAILTRAP_SIGNING_SECRET: 'short' },
      'MAILTRAP_SIGNING_SECRET is too short for a signing secret (16 characters at least). Copy it from the webhook’s page at the provider.',
    ],
    [
      { MAILTRAP_SIGNING_SECRET: `${SECRET},` },
      'MAILTRAP_SIGNING_SECRET is empty, entry 2. Copy it from the webhook’s page at the provider.',
    ],
    [
      { MAILTRAP_SIGNING_SECRET: `${SECRET}\n${OLD_SECRET}` },
      'MAILTRAP_SIGNING_SECRET holds a line break or another control character. Give the text alone, on one line.',
    ],
    [
      { MAILINGAPI_SIGNING_SECRET: 'whsec_0123456789' },
      'MAILINGAPI_SIGNING_SECRET is too short for a signing secret (16 characters at least). Copy it from the webhook’s page at the provider.',
    ],
  ]
  it.each(wrong)('%o is explained', (env, sentence) => {
    expect(problemLines(() => read({ ...WITH_SECRET, ...env }))).toEqual([sentence])
  })

  it('is explained together with all others', () => {
    const env = {
      PORT: 'x',
      LOG_LEVEL: 'y',
      HANDLER_TIMEOUT: 'z',
      ADMIN_HOST: '0.0.0.0',
      BASIC_AUTH: 'nobody',
    }
    const lines = problemLines(() => readYaml('prot: 1\nrole: receive', env))
    expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual([
      'ADMIN_PASSWORD',
      'BASIC_AUTH',
      'HANDLER_TIMEOUT',
      'LOG_LEVEL',
      'MAILTRAP_SIGNING_SECRET',
      'PORT',
      'prot',
      'role',
    ])
  })

  it('may be missing where nothing is received: a worker needs no signing secret', () => {
    const settings = read({ ROLE: 'work', STORE_URL: 'postgres://receiver@localhost/receiver' })
    expect(settings).toMatchObject({ role: 'work', sources: [] })
  })

  it('carries its parts and the code of the catalogue', () => {
    const error = catchError(() => read({ ...WITH_SECRET, PORT: 'x' }))
    expect(error).toBeInstanceOf(SettingsError)
    expect(error).toMatchObject({
      code: 'invalid_settings',
      problems: [
        { setting: 'PORT', problem: expect.stringContaining('"x"'), remedy: expect.any(String) },
      ],
    })
  })

  it.each(
    SETTINGS.filter(({ isSecret }) => isSecret).flatMap(({ name, fileKey }) => [
      [name, { [name]: 'leak' }, ''],
      [name, { [name]: 'leak\nleak-leak-leak-leak' }, ''],
      [name, { [`${name}_FILE`]: 'secret' }, ''],
      [name, {}, `${fileKey}: leak`],
      [name, {}, `${fileKey}: [leak, leak]`],
      [name, {}, `${fileKey}: { value: leak }`],
      [name, {}, `${fileKey}: "leak`],
      [name, {}, `${fileKey}: leak: leak`],
    ]) as [string, NodeJS.ProcessEnv, string][],
  )('%s never shows its value (%o %s)', (_name, env, yaml) => {
    const cwd = makeFolder({ secret: 'leak\n\n', 'receiver.yaml': `${yaml}\nprot: 1` })
    const error = catchError(() => read({ CONFIG_FILE: 'receiver.yaml', ...env }, { cwd }))
    expect(error).toBeInstanceOf(SettingsError)
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('leak')
  })
})

describe('without any signing secret', () => {
  it('nothing starts', () => {
    expect(problemLines(() => read({}))).toEqual([
      'MAILTRAP_SIGNING_SECRET is missing, and without a signing secret anybody could send events in Mailtrap’s name. Set it to the secret that Mailtrap shows for your webhook, or start with --dev to try things out.',
    ])
  })

  it.each(['MAILTRAP_SECRET', 'MAILTRAP_SIGNING_SECRETS', 'mailtrap_signing_secret'])(
    '%s is told to be no setting',
    (name) => {
      expect(problemLines(() => read({ [name]: 'x' }))).toEqual([
        expect.stringContaining(`Did you mean it by ${name}, which is not read? Set it`),
      ])
    },
  )

  it('commands that need none can read the rest', () => {
    expect(read({}, { isSourceOptional: true }).sources).toEqual([])
  })

  it('--dev makes a secret, keeps it for its owner only, and takes it again', () => {
    const cwd = makeFolder()
    const randomBytes = (size: number) => Buffer.alloc(size, 0xab)
    const first = read({ URL_TOKEN: 'ticket' }, { cwd, dev: true, randomBytes })
    expect(first.devSecret).toBe('ab'.repeat(16))
    expect(first.sources).toMatchObject([
      { name: 'mailtrap', secrets: [first.devSecret], urlToken: 'ticket' },
    ])
    expect(statSync(join(cwd, 'data/dev-secret')).mode & 0o777).toBe(0o600)
    const second = read({}, { cwd, dev: true })
    expect(second.devSecret).toBe(first.devSecret)
  })

  it('--dev makes none when there is a real one, or anything is wrong', () => {
    const cwd = makeFolder()
    expect(read(WITH_SECRET, { cwd, dev: true }).devSecret).toBeUndefined()
    expect(problemLines(() => read({ PORT: 'x' }, { cwd, dev: true }))).toHaveLength(1)
    expect(
      problemLines(() => read({ MAILTRAP_SIGNING_SECRET_FILE: './none' }, { cwd, dev: true })),
    ).toHaveLength(1)
    expect(statSync(join(cwd, 'data'), { throwIfNoEntry: false })).toBeUndefined()
  })

  it('--dev says where it cannot keep one', () => {
    const cwd = makeFolder({ data: 'a file' })
    const [line] = problemLines(() => read({}, { cwd, dev: true }))
    expect(line).toMatch(
      /^DATA_DIR is .*\/data, where the development secret cannot be kept \(E[A-Z]+\)\. /,
    )
  })
})

describe('the environment of handlers', () => {
  it('has neither our settings nor any secret, and everything else', () => {
    const yaml = 'sources: { tx: { provider: mailtrap, secrets: [{ env: TX }] } }'
    const env = {
      TX: SECRET,
      PORT: '1',
      URL_TOKEN_FILE: 'x',
      MAILTRAP_API_TOKEN: 't',
      PATH: '/bin',
      DATABASE_URL: 'd',
    }
    const cwd = makeFolder({ 'receiver.yaml': yaml, x: 'token' })
    const all = { ...env, CONFIG_FILE: 'receiver.yaml' }
    expect(handlerEnvironment(read(all, { cwd }), all)).toEqual({ PATH: '/bin', DATABASE_URL: 'd' })
  })
})

describe('the management API', () => {
  it('is off without a token, and then there is no guardian', () => {
    expect(read(WITH_SECRET)).toMatchObject({
      publicUrl: undefined,
      management: undefined,
      guardian: { mayResume: false, intervalMs: 60_000 },
    })
  })

  it('is reached by what the settings say, its token in a file if one likes', () => {
    const env = {
      ...WITH_SECRET,
      PUBLIC_URL: 'https://hooks.example.com/mail/',
      MAILTRAP_API_TOKEN_FILE: 'token',
      MAILTRAP_ACCOUNT_ID: '4711',
      MAILTRAP_API_URL: 'http://127.0.0.1:4000/',
      GUARDIAN_RESUME: 'true',
      GUARDIAN_INTERVAL: '5s',
    }
    expect(read(env, { cwd: makeFolder({ token: 'abc123\n' }) })).toMatchObject({
      publicUrl: 'https://hooks.example.com/mail',
      management: { url: 'http://127.0.0.1:4000', token: 'abc123', accountId: '4711' },
      guardian: { mayResume: true, intervalMs: 5_000 },
      warnings: [],
    })
  })

  it('says where alerts go, without ever showing it', () => {
    const url = 'https://hooks.slack.com/services/T0/B0/hush'
    const secret = `whsec_${Buffer.alloc(24).toString('base64')}`
    const env = { ...WITH_SECRET, ALERT_URL_FILE: 'url', ALERT_SECRET: secret }
    const settings = read(env, { cwd: makeFolder({ url: `${url}\n` }) })
    expect(settings.alerts).toEqual({ url, secret })
    expect(settings.secretVariables).toEqual(
      expect.arrayContaining(['ALERT_URL', 'ALERT_URL_FILE', 'ALERT_SECRET']),
    )
    for (const wrong of [
      { ALERT_URL: 'hooks.slack.com/services/hush' },
      { ALERT_URL: 'https://u:hush@alerts.example.com' },
      { ALERT_URL: url, ALERT_SECRET: 'hush' },
      { ALERT_URL: url, ALERT_SECRET: `whsec_${Buffer.alloc(15).toString('base64')}` },
    ]) {
      const problems = problemLines(() => read({ ...WITH_SECRET, ...wrong }))
      expect(problems).toHaveLength(1)
      expect(problems[0]).toMatch(
        /^ALERT_(URL is no address|SECRET is no secret of Standard Webhooks)/,
      )
      expect(problems[0]).not.toContain('hush')
    }
    expect(read(WITH_SECRET).alerts).toBeUndefined()
  })

  it.each([
    [{ PUBLIC_URL: 'hooks.example.com' }, 'PUBLIC_URL is no plain address.'],
    [{ PUBLIC_URL: 'https://u:secret@hooks.example.com' }, 'PUBLIC_URL is no plain address.'],
    [{ MAILTRAP_API_URL: 'ftp://mailtrap.io' }, 'MAILTRAP_API_URL is no plain address.'],
    [{ MAILTRAP_API_TOKEN: 'two secret words' }, 'MAILTRAP_API_TOKEN is no API token.'],
    [{ MAILTRAP_ACCOUNT_ID: 'mine' }, 'MAILTRAP_ACCOUNT_ID is "mine", which is no number'],
    [{ GUARDIAN_RESUME: 'yes' }, 'GUARDIAN_RESUME is "yes", which is no switch.'],
    [{ GUARDIAN_INTERVAL: '1ms' }, 'GUARDIAN_INTERVAL is 1ms, too little.'],
  ])('is not taken as %o', (env, problem) => {
    const [line] = problemLines(() => read({ ...WITH_SECRET, ...env }))
    expect(line).toContain(problem)
    expect(line).not.toContain('secret')
  })
})

describe('warnings', () => {
  it.each([
    [
      { MAILTRAP_SIGNING_SECRETS: 'x' },
      'MAILTRAP_SIGNING_SECRETS is not read. Did you mean MAILTRAP_SIGNING_SECRET?',
    ],
    [
      { MAILTRAP_WEBHOOK_SECRET: 'x' },
      'MAILTRAP_WEBHOOK_SECRET is not read. Did you mean MAILTRAP_SIGNING_SECRET?',
    ],
    [{ ALLOWED_IPS: '10.0.0.0/8' }, 'ALLOWED_IPS is not read. Did you mean ALLOW_IPS?'],
    [{ admin_password: 'x' }, 'admin_password is not read. Did you mean ADMIN_PASSWORD?'],
    [{ RETAIN_EVENT: '1d' }, 'RETAIN_EVENT is not read. Did you mean RETAIN_EVENTS?'],
    [
      { ALLOW_IPS: 'mailtrap' },
      'ALLOW_IPS is checked against the address of the connection. Behind a load balancer that is the load balancer: set TRUST_PROXY to its addresses.',
    ],
    [
      { MAILTRAP_SIGNING_SECRET: 'no hex digits at all' },
      'A signing secret of the source mailtrap does not look like those of mailtrap, which are 32 hex digits. Was it copied whole?',
    ],
    ...['a+b', 'a/b', 'a=', '100%', 'a b', 'ä'].map((URL_TOKEN): [NodeJS.ProcessEnv, string] => [
      { URL_TOKEN },
      'The token of the source mailtrap holds characters that mean something else in a URL, or are written otherwise there. It is accepted as it is and percent-encoded; one of letters, digits and -._~ cannot be misread.',
    ]),
    ...['a&b', 'a#b'].map((URL_TOKEN): [NodeJS.ProcessEnv, string] => [
      { URL_TOKEN },
      'The token of the source mailtrap holds & or #, which end it in a URL. Write them there as %26 and %23, or use one of letters, digits and -._~.',
    ]),
    [
      { GUARDIAN_RESUME: 'true' },
      'GUARDIAN_RESUME does nothing without MAILTRAP_API_TOKEN, which turns the guardian on.',
    ],
    [
      { ALERT_SECRET: `whsec_${'A'.repeat(43)}=` },
      'ALERT_SECRET does nothing without ALERT_URL, which says where alerts go.',
    ],
  ])('%o is worth one', (env, warning) => {
    expect(read({ ...WITH_SECRET, ...env }).warnings).toEqual([warning])
  })

  it('are not given for variables of others', () => {
    const env = {
      HOSTNAME: 'h',
      HOME: '/',
      PATH: '/bin',
      MAILTRAP_API_TOKEN: 't',
      NODE_ENV: 'x',
      POST: '1',
      SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt',
      MAILTRAP_API_KEY: 'k',
      XDG_DATA_DIRS: '/usr/share',
      npm_config_loglevel: 'warn',
      NODE_ADMIN_PORT: '1',
      URL_TOKEN: 'Az09-._~',
      ADMIN_SERVICE_HOST: '10.0.0.7',
      ADMIN_PORT_80_TCP: 'tcp://10.0.0.7:80',
      ADMIN_PORT_80_TCP_ADDR: '10.0.0.7',
    }
    expect(read({ ...WITH_SECRET, ...env }).warnings).toEqual([])
    expect(
      read({ ...WITH_SECRET, ALLOW_IPS: 'mailtrap', TRUST_PROXY: '10.0.0.0/8' }).warnings,
    ).toEqual([])
  })
})

describe('the table of settings', () => {
  it('says which are secrets', () => {
    expect(SETTINGS).toHaveLength(38)
    expect(SETTINGS.filter(({ isSecret }) => isSecret).map(({ fileKey }) => fileKey)).toEqual([
      'mailtrapSigningSecret',
      'mailingapiSigningSecret',
      'forwardUrl',
      'forwardSecret',
      'storeUrl',
      'adminPassword',
      'basicAuth',
      'urlToken',
      'redactKey',
      'mailtrapApiToken',
      'alertUrl',
      'alertSecret',
    ])
  })
})

describe('this process', () => {
  it('is asked when nothing is passed in', () => {
    for (const { name } of SETTINGS) vi.stubEnv(name, undefined)
    vi.stubEnv('DATA_DIR', 'kept-here')
    const settings = readSettings({ isSourceOptional: true })
    vi.unstubAllEnvs()
    expect(settings.dataDir).toBe(join(process.cwd(), 'kept-here'))
  })
})

function secretsOf(source: string) {
  return ({ sources }: Settings) => sources.find(({ name }) => name === source)?.secrets
}

function firstSource(field: 'allowIps' | 'basicAuth' | 'urlToken') {
  return ({ sources }: Settings) => sources[0]?.[field]
}

function catchError(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

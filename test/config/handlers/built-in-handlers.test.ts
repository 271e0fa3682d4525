import { describe, expect, it } from 'vitest'
import { makeFolder, problemLines, read, readYaml, WITH_SECRET } from '../settings-folder.ts'

const KEY = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const URL_WITH_TOKEN = 'https://user:pa55word@app.test/hooks?token=t0ken'
const FORWARD = { ...WITH_SECRET, FORWARD_URL: 'http://app.test/hooks' }

function handlersOf(yaml: string, env: NodeJS.ProcessEnv = {}) {
  return readYaml(yaml, { ...WITH_SECRET, ...env }).handlers
}

function problemsOf(yaml: string, env: NodeJS.ProcessEnv = {}): string[] {
  return problemLines(() => handlersOf(yaml, env))
}

describe('FORWARD_URL', () => {
  it('makes a handler of every event, and no other where there is no ./handlers', () => {
    const { handlers } = read({ ...FORWARD, FORWARD_SECRET: KEY })
    expect(handlers).toMatchObject([
      {
        module: 'built-in:forward',
        builtIn: {
          kind: 'forward',
          name: 'forward',
          events: ['*'],
          options: { url: 'http://app.test/hooks', format: 'event', secret: KEY, batchSize: 1 },
        },
        timeoutMs: 30_000,
      },
    ])
  })

  it('stands beside HANDLERS, ./handlers and those of the file', () => {
    const cwd = makeFolder({ 'handlers/a.ts': '', 'b.ts': '', 'c.yaml': 'handlers: ./b.ts' })
    const modules = (env: NodeJS.ProcessEnv) =>
      read({ ...FORWARD, ...env }, { cwd }).handlers.map(({ module }) =>
        module.replace(`${cwd}/`, ''),
      )
    expect(modules({})).toEqual(['handlers/a.ts', 'built-in:forward'])
    expect(modules({ HANDLERS: 'b.ts' })).toEqual(['b.ts', 'built-in:forward'])
    expect(modules({ CONFIG_FILE: 'c.yaml' })).toEqual(['b.ts', 'built-in:forward'])
  })

  it('takes every event where ./handlers holds no handler, as is told', () => {
    const cwd = makeFolder({ 'handlers/lib/a.ts': '' })
    const { handlers, warnings } = read(FORWARD, { cwd })
    expect(handlers.map(({ module }) => module)).toEqual(['built-in:forward'])
    expect(warnings).toEqual([expect.stringMatching(/built-in forward handler takes every event/)])
  })

  it('may stand in a file of its own, and in the YAML file', () => {
    const cwd = makeFolder({ url: 'http://app.test/hooks\n' })
    const fromFile = read({ ...WITH_SECRET, FORWARD_URL_FILE: 'url' }, { cwd }).handlers
    expect(fromFile).toEqual(read(FORWARD).handlers)
    expect(handlersOf('forwardUrl: http://app.test/hooks')).toEqual(read(FORWARD).handlers)
  })

  it.each<[NodeJS.ProcessEnv, RegExp]>([
    [{ FORWARD_URL: 'ftp://user:pa55word@app.test' }, /^FORWARD_URL is no address of an endpoint/],
    [{ FORWARD_URL: 'http://a.test#pa55word' }, /^FORWARD_URL is no address/],
    [{ FORWARD_FORMAT: 'mailtrap' }, /^FORWARD_SECRET is missing, by which the format mailtrap/],
    [{ FORWARD_SECRET: 'pa55word' }, /^FORWARD_SECRET is no secret of Standard Webhooks.*openssl/],
    [{ FORWARD_SECRET: 'whsec_pa55word' }, /^FORWARD_SECRET is no secret of Standard Webhooks/],
    [
      { FORWARD_FORMAT: 'mailtrap', FORWARD_SECRET: 'pa55word' },
      /^FORWARD_SECRET is too short for a signing secret/,
    ],
    [{ FORWARD_FORMAT: 'xml' }, /^FORWARD_FORMAT is "xml".*event, batch, mailtrap/],
    [{ FORWARD_URL: '', FORWARD_SECRET: KEY }, /^FORWARD_SECRET is given without FORWARD_URL/],
    [{ FORWARD_URL: '', FORWARD_FORMAT: 'batch' }, /^FORWARD_FORMAT is given without FORWARD_URL/],
  ])('%o is explained without a secret', (env, text) => {
    const lines = problemLines(() => read({ ...FORWARD, ...env }))
    expect(lines).toEqual([expect.stringMatching(text)])
    expect(lines.join()).not.toContain('pa55word')
  })
})

describe('a built-in handler of the file', () => {
  it('has all that a handler has, and what its kind needs', () => {
    const yaml = `
      handlers:
        - forward: ${URL_WITH_TOKEN}
        - forward: { env: OTHER_URL }
          name: other
          events: [email.bounced, 'activity_log.*']
          format: batch
          secret: { env: OTHER_KEY }
          headers: { Authorization: { env: OTHER_TOKEN }, X-Team: mail }
          batchSize: 20
          concurrency: 3
          timeout: 5s
          retry: [1s]
          memory: 64MB
    `
    const env = { OTHER_URL: 'http://other.test', OTHER_KEY: KEY, OTHER_TOKEN: 'Bearer x' }
    const settings = readYaml(yaml, { ...WITH_SECRET, ...env })
    expect(settings.handlers).toMatchObject([
      { module: 'built-in:forward', builtIn: { options: { url: URL_WITH_TOKEN } } },
      {
        module: 'built-in:forward/other',
        concurrency: 3,
        timeoutMs: 5_000,
        retryDelaysMs: [1_000],
        maxHeapBytes: 67_108_864,
        builtIn: {
          name: 'other',
          events: ['email.bounced', 'activity_log.*'],
          options: {
            url: 'http://other.test/',
            format: 'batch',
            secret: KEY,
            headers: { Authorization: 'Bearer x', 'X-Team': 'mail' },
            batchSize: 20,
          },
        },
      },
    ])
    // So no other handler's process has them in its environment.
    expect(settings.secretVariables).toEqual(expect.arrayContaining(Object.keys(env)))
  })

  it('may be a table, in PostgreSQL or ClickHouse', () => {
    const yaml = `
      handlers:
        - table: { url: { env: ANALYTICS_URL }, name: mail_events }
          events: email.bounced
        - { table: { url: 'https://ch.test:8443/', name: mail.events }, name: clickhouse }
    `
    const env = { ANALYTICS_URL: 'postgres://a:pa55word@db.test/a' }
    expect(handlersOf(yaml, env)).toMatchObject([
      {
        module: 'built-in:table',
        builtIn: {
          name: 'table',
          events: ['email.bounced'],
          options: { url: env.ANALYTICS_URL, name: 'mail_events' },
        },
      },
      { module: 'built-in:table/clickhouse', builtIn: { options: { name: 'mail.events' } } },
    ])
  })

  it('may publish, to NATS or RabbitMQ', () => {
    const yaml = `
      handlers:
        - publish: { url: 'nats://nats.test', subject: mail.events }
        - { publish: { url: 'amqps://rabbit.test/v', exchange: mail }, name: rabbit }
    `
    expect(handlersOf(yaml)).toMatchObject([
      { builtIn: { options: { url: 'nats://nats.test', subject: 'mail.events' } } },
      { builtIn: { name: 'rabbit', options: { url: 'amqps://rabbit.test/v', exchange: 'mail' } } },
    ])
  })

  it('sends up to 100 events a request in batches, and 500 as Mailtrap does', () => {
    const sizeOf = (format: string) =>
      handlersOf(`handlers: [{ forward: 'http://a.test', format: ${format}, secret: '${KEY}' }]`)[0]
        ?.builtIn?.options
    expect(sizeOf('batch')).toMatchObject({ batchSize: 100 })
    expect(sizeOf('mailtrap')).toMatchObject({ batchSize: 500 })
  })

  it.each([
    ['50/s', { attempts: 50, perMs: 1_000 }],
    ['600 / m', { attempts: 600, perMs: 60_000 }],
    ['10/h', { attempts: 10, perMs: 3_600_000 }],
  ])('may have a rate of %s, as a module may', (rate, expected) => {
    const yaml = `handlers: [{ forward: 'http://a.test', rate: ${rate} }, { module: a.ts, rate: ${rate} }]`
    const cwd = makeFolder({ 'a.ts': '', 'r.yaml': yaml })
    const { handlers } = read({ ...WITH_SECRET, CONFIG_FILE: 'r.yaml' }, { cwd })
    expect(handlers.map((handler) => handler.rate)).toEqual([expected, expected])
  })

  it('wants, as a module may too, only events with certain fields', () => {
    const where = '{ category: [Orders, 5], custom_variables.plan: pro, isNew: true }'
    const cwd = makeFolder({
      'a.ts': '',
      'r.yaml': `handlers: [{ forward: 'http://a.test', where: ${where} }, { module: a.ts, where: ${where} }]`,
    })
    const { handlers } = read({ ...WITH_SECRET, CONFIG_FILE: 'r.yaml' }, { cwd })
    const fields = { category: ['Orders', '5'], 'custom_variables.plan': ['pro'], isNew: ['true'] }
    expect(handlers.map((handler) => handler.where)).toEqual([fields, fields])
  })

  it.each([
    ['[{ forward: "http://a.test", rate: 0/s }]', 'handlers.0.rate', /is "0\/s", which is no rate/],
    ['[{ forward: "http://a.test", rate: 5 }]', 'handlers.0.rate', /such as 50\/s/],
    ['[{ forward: "http://a.test", where: [] }]', 'handlers.0.where', /is no list of fields/],
    ['[{ forward: "http://a.test", where: {} }]', 'handlers.0.where', /is no list of fields/],
    ['[{ forward: "http://a.test", where: { a: [] } }]', 'handlers.0.where', /no text.* "a"/],
    ['[{ forward: "http://a.test", where: { a: { b: c } } }]', 'handlers.0.where', /with dots/],
    ['[{ name: x }]', 'handlers.0', /names no handler. Give one of module, forward/],
    ['[{ forward: "http://a.test", module: a.ts }]', 'handlers.0', /has both module and forward/],
    ['[{ forward: "http://a.test" }, { forward: "http://b.test" }]', 'handlers.1', /is called/],
    ['[{ forward: 5 }]', 'handlers.0.forward', /is no secret/],
    ['[{ forward: "pa55word" }]', 'handlers.0.forward', /is no address of an endpoint/],
    ['[{ forward: "http://a.test", name: A b }]', 'handlers.0.name', /is no name/],
    ['[{ forward: "http://a.test", events: [bonce] }]', 'handlers.0.events', /mean `bounce`/],
    ['[{ forward: "http://a.test", events: [] }]', 'handlers.0.events', /is empty/],
    ['[{ forward: "http://a.test", formt: batch }]', 'handlers.0.formt', /Did you mean format/],
    ['[{ forward: "http://a.test", format: xml }]', 'handlers.0.format', /is no format/],
    ['[{ forward: "http://a.test", format: mailtrap }]', 'handlers.0.secret', /is missing/],
    ['[{ forward: "http://a.test", batchSize: 5 }]', 'handlers.0.batchSize', /format event/],
    ['[{ forward: "http://a.test", headers: { "a b": x } }]', 'handlers.0.headers', /a b/],
    ['[{ forward: "http://a.test", headers: { A: "pa55word\\n" } }]', 'handlers.0.headers', /A/],
    ['[{ forward: "http://a.test", headers: { Host: b } }]', 'handlers.0.headers', /has Host/],
    ['[{ forward: "http://a.test", ca: no.pem }]', 'handlers.0.ca', /no.pem.*cannot be read/],
    ['[{ forward: "http://a.test", ca: receiver.yaml }]', 'handlers.0.ca', /is no certificate/],
    ['[{ table: mail }]', 'handlers.0.table', /needs url and name/],
    ['[{ table: { url: "mysql://pa55word@a" , name: a } }]', 'handlers.0.table.url', /no address/],
    ['[{ table: { url: "postgres://a/a", name: "a b" } }]', 'handlers.0.table.name', /no name/],
    ['[{ table: { url: "postgres://a/a" } }]', 'handlers.0.table.name', /is empty/],
    ['[{ table: { url: { env: NO_URL }, name: a } }]', 'handlers.0.table.url', /NO_URL.*not set/],
    [
      '[{ publish: { url: "kafka://pa55word@a", subject: a } }]',
      'handlers.0.publish.url',
      /broker/,
    ],
    ['[{ publish: { url: "nats://a" } }]', 'handlers.0.publish.subject', /is missing/],
    ['[{ publish: { url: "nats://a", subject: "a b" } }]', 'handlers.0.publish.subject', /subject/],
    ['[{ publish: { url: "nats://a", exchange: a } }]', 'handlers.0.publish.subject', /NATS/],
    ['[{ publish: { url: "amqp://a" } }]', 'handlers.0.publish.exchange', /is missing/],
    [
      '[{ publish: { url: "amqp://a", exchange: a, subject: "a b" } }]',
      'handlers.0.publish.subject',
      /is no subject/,
    ],
  ])('handlers: %s is explained', (handlers, setting, text) => {
    const lines = problemsOf(`handlers: ${handlers}`)
    expect(lines).toHaveLength(1)
    expect(lines[0]?.split(' (receiver.yaml) ')[0]).toBe(setting)
    expect(lines[0]).toMatch(text)
    expect(lines[0]).not.toContain('pa55word')
  })

  it('tells what is wrong with one entry beside what is wrong with the others', () => {
    const lines = problemsOf(`handlers:
  - table: { url: 'mysql://a', name: mail }
  - { forward: 'http://a.test', module: a.ts }
  - modul: a.ts
  - 5
  - module: missing.ts`)
    expect(lines.map((line) => line.split(' (receiver.yaml) ')[0]).sort()).toEqual([
      'handlers.0.table.url',
      'handlers.1',
      'handlers.2.modul',
      'handlers.3',
      'handlers.4.module',
    ])
  })

  it('does not share its name with that of FORWARD_URL', () => {
    const lines = problemsOf('handlers: [{ forward: "http://a.test" }]', FORWARD)
    expect(lines).toEqual([expect.stringMatching(/^FORWARD_URL is called forward, as handlers.0/)])
  })

  it('says of a module that its name stands there', () => {
    const cwd = makeFolder({ 'a.ts': '', 'r.yaml': 'handlers: [{ module: a.ts, name: a }]' })
    const lines = problemLines(() => read({ ...WITH_SECRET, CONFIG_FILE: 'r.yaml' }, { cwd }))
    expect(lines).toEqual([expect.stringMatching(/^handlers.0.name .*in the module/)])
  })
})

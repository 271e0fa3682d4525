import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { runProgram } from '../../src/cli/program.ts'
import { ReceiverError } from '../../src/errors.ts'
import type { EventDetail } from '../../src/store/store.ts'
import { makeEvent, makeJob } from '../admin/memory-archive.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { makeContext, runCommand } from './run-command.ts'
import { startAdmin } from './start-admin.ts'

const PATIENCE = { interval: 20 }

describe('mailtrap-receiver events', () => {
  it('lists events in a table', async () => {
    const { archive, run } = await startAdmin()
    archive.events.push(
      makeEvent('2', { state: 'dead' }),
      makeEvent('1', { recipient: undefined, eventId: undefined }),
    )
    const { exitCode, out } = await run(['events'])
    expect(exitCode).toBe(0)
    expect(out.split('\n')).toEqual([
      'ID  RECEIVED (UTC)       SOURCE    TYPE    STATE  EVENT ID  RECIPIENT',
      '2   2026-11-21 09:30:00  mailtrap  bounce  dead   event-2   ada@example.com',
      '1   2026-11-21 09:30:00  mailtrap  bounce  done   -         -',
      '',
    ])
  })

  it('hands every filter to the API', async () => {
    const { archive, run } = await startAdmin()
    const filters = [
      ...['--source', 'audit', '--type', 'soft bounce', '--state', 'stale'],
      ...['--recipient', 'a+b@example.com', '--message-id', 'm 1', '--event-id', 'e&1'],
      ...['--from', '2026-11-01', '--to', '2026-11-02', '--limit', '7', '--batch', 'b-1'],
    ]
    const { exitCode, err } = await run(['events', ...filters])
    expect(exitCode).toBe(0)
    expect(err).toMatch(/^No such event\. .*stats counts the one, quarantine lists the other\.\n$/)
    expect(archive.calls).toEqual([
      {
        name: 'listEvents',
        given: {
          source: 'audit',
          type: 'soft bounce',
          state: 'stale',
          recipient: 'a+b@example.com',
          messageId: 'm 1',
          eventId: 'e&1',
          batch: 'b-1',
          from: Date.UTC(2026, 10, 1),
          to: Date.UTC(2026, 10, 2),
          limit: 7,
        },
      },
    ])
  })

  it('streams all pages as JSON lines', async () => {
    const { archive, run } = await startAdmin()
    for (let id = 1_200; id > 0; id--) archive.events.push(makeEvent(String(id)))
    const { out } = await run(['events', '--all', '--json'])
    const lines = out.trimEnd().split('\n')
    expect(lines).toHaveLength(1_200)
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(archive.events.map(({ id }) => id))
    expect(archive.calls).toHaveLength(3)
  })

  it('goes on where a search left off because time was up, also without a row', async () => {
    const { archive, run } = await startAdmin()
    const pages = [
      { rows: [], cursor: '900', isPartial: true },
      { rows: [makeEvent('800')], cursor: '500', isPartial: true },
      { rows: [makeEvent('7')], cursor: undefined },
    ]
    const cursors: (string | undefined)[] = []
    archive.listEvents = async ({ cursor }) => {
      cursors.push(cursor)
      return pages[cursors.length - 1]!
    }
    const { out } = await run(['events', '--type', 'rare', '--json'])
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).id),
    ).toEqual(['800', '7'])
    expect(cursors).toEqual([undefined, '900', '500'])
  })

  it('stops at the limit, in the middle of a page', async () => {
    const { archive, run } = await startAdmin()
    for (let id = 600; id > 0; id--) archive.events.push(makeEvent(String(id)))
    const { out } = await run(['events', '--limit', '501', '--json'])
    expect(out.trimEnd().split('\n')).toHaveLength(501)
  })

  it('lets no event command the terminal', async () => {
    const { archive, run } = await startAdmin()
    archive.events.push(makeEvent('1', { recipient: '\x1b[2J\x07@example.com' }))
    const { out } = await run(['events'])
    expect(out).toContain('\\x1b[2J\\x07@example.com')
    expect(out).not.toContain('\x1b')
  })

  it('fits the terminal', async () => {
    const { archive, run } = await startAdmin()
    archive.events.push(makeEvent('1', { recipient: `${'long'.repeat(30)}@example.com` }))
    const { out } = await run(['events'], { columns: 100, env: { NO_COLOR: '1' } })
    expect(out).toContain('…')
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  })

  it('fits the terminal also when the type of an event does not', async () => {
    const { archive, run } = await startAdmin()
    archive.events.push(makeEvent('1', { type: 'long '.repeat(40) }))
    const { out } = await run(['events'], { columns: 80, env: { NO_COLOR: '1' } })
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('repeats what the API finds wrong, by the names of the options', async () => {
    const { run } = await startAdmin()
    const { exitCode, err } = await run(['events', '--from', 'yesterday', '--message-id', ''])
    expect(exitCode).toBe(2)
    expect(err).toMatch(
      /^error: --message-id must not be empty.*\. --from must be ISO text .*, not "yesterday"\.$/m,
    )
    const late = await run(['events', '--from', '2026-11-02', '--to', '2026-11-01'])
    expect(late).toMatchObject({ exitCode: 2, err: expect.stringContaining('--from must be') })
  })

  it('needs the password, and takes it from the environment', async () => {
    const { run } = await startAdmin({ password: 'correct horse' })
    const refused = await run(['events'])
    expect(refused.exitCode).toBe(1)
    expect(refused.err).toContain('Set ADMIN_PASSWORD')
    const { exitCode } = await run(['events'], { env: { ADMIN_PASSWORD: 'correct horse' } })
    expect(exitCode).toBe(0)
  })

  it('takes no password in the address, and does not repeat it', async () => {
    for (const url of ['http://admin:hunter2@127.0.0.1:9', 'http://hunter2@127.0.0.1:9']) {
      const { exitCode, err } = await runCommand(['events', '--admin-url', url])
      expect(exitCode).toBe(2)
      expect(err).toContain('--password-file')
      expect(err).not.toContain('hunter2')
    }
  })

  it('says what to do when no receiver runs', async () => {
    const { exitCode, out, err } = await runCommand(['events', '--admin-url', 'http://127.0.0.1:9'])
    expect(exitCode).toBe(1)
    expect(out).toBe('')
    expect(err).toMatch(/^error: No admin API answers at http:\/\/127\.0\.0\.1:9.*--admin-url\.\n$/)
  })

  it('says so when another server answers, such as our own public listener', async () => {
    const server = createServer((_request, answer) => {
      answer.writeHead(404).end('{"error":"not_found"}')
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { err } = await runCommand(['events', '--admin-url', `http://127.0.0.1:${port}`])
    expect(err).toContain('with 404, is no admin API. Check --admin-url.')
  })

  it('reports failures as JSON to machines', async () => {
    const { err } = await runCommand(['events', '--json', '--admin-url', 'http://127.0.0.1:9'])
    expect(JSON.parse(err)).toMatchObject({ error: 'failed' })
  })
})

describe('mailtrap-receiver events --type', () => {
  it('suggests the name that was probably meant, when nothing is found', async () => {
    const { archive, run } = await startAdmin()
    const { exitCode, err } = await run(['events', '--type', 'bonce'])
    expect(exitCode).toBe(0)
    expect(err).toBe('No such event. There is no event `bonce`. Did you mean `bounce`?\n')
    expect((await run(['events', '--type', 'bounce'])).err).toMatch(
      /^No such event\. What was refused/,
    )
    archive.events.push(makeEvent('1', { type: 'bonce' }))
    expect(await run(['events', '--type', 'bonce'])).toMatchObject({ err: '' })
  })
})

describe('mailtrap-receiver events --follow', { concurrent: true }, () => {
  const at = (seconds: number) => ({ receivedAt: Date.UTC(2026, 10, 21, 9, 30, seconds) })

  async function startFollowing(argv: readonly string[], known: EventDetail[]) {
    const { archive, url } = await startAdmin()
    archive.events.push(...known)
    const stop = new AbortController()
    const { context, out, err } = makeContext({ stopped: stop.signal })
    const end = runProgram(['events', '--follow', ...argv, '--admin-url', url], context)
    await expect.poll(err, PATIENCE).toContain('Waiting for events. Ctrl-C ends it.\n')
    const stopIt = () => {
      stop.abort()
      return end
    }
    return { archive, out, err, stop: stopIt }
  }

  it('prints what comes, oldest first and each once, until it is stopped', async () => {
    const { archive, out, err, stop } = await startFollowing(['--json'], [makeEvent('5', at(5))])
    const ids = () => [...out().matchAll(/"id":"(\d+)"/g)].map(([, id]) => id)
    archive.events.unshift(makeEvent('9', at(9)), makeEvent('8', at(8)))
    await expect.poll(ids, PATIENCE).toEqual(['8', '9'])
    // Unpacked late, by another replica.
    archive.events.splice(2, 0, makeEvent('7', at(7)))
    archive.events.unshift(makeEvent('10', at(10)))
    await expect.poll(ids, PATIENCE).toEqual(['8', '9', '7', '10'])
    expect(await stop()).toBe(0)
    expect(err()).toBe('Waiting for events. Ctrl-C ends it.\n')
  })

  it('prints all that comes into an empty store, of what matches, as a table', async () => {
    const { archive, out, stop } = await startFollowing(['--type', 'open'], [])
    for (let id = 1; id <= 1_200; id++) {
      archive.events.unshift(makeEvent(String(id), { ...at(id), type: id % 2 ? 'open' : 'click' }))
    }
    await expect.poll(() => out().split('\n').length, PATIENCE).toBe(602)
    expect(out()).toMatch(/^ID +RECEIVED/)
    expect(out()).not.toContain('click')
    expect(await stop()).toBe(0)
  })

  it('says once that the receiver is away, and goes on', async () => {
    const { archive, out, err, stop } = await startFollowing(['--json'], [makeEvent('5', at(5))])
    archive.problem = new ReceiverError('store_busy')
    await expect.poll(err, PATIENCE).toContain('Asking again until it does.')
    archive.problem = undefined
    archive.events.unshift(makeEvent('6', at(6)))
    await expect.poll(out, PATIENCE).toContain('"id":"6"')
    expect(err().match(/Asking again/g)).toHaveLength(1)
    expect(await stop()).toBe(0)
  })

  it.each([['--all'], ['--limit', '5'], ['--from', '2026-11-21'], ['--to', '2026-11-21']])(
    'goes not with %s',
    async (...options) => {
      const { exitCode, err } = await runCommand(['events', '--follow', ...options])
      expect(exitCode).toBe(2)
      expect(err).toContain('cannot be used with option')
    },
  )
})

describe('mailtrap-receiver events show', () => {
  it('shows an event, its jobs and its exact payload', async () => {
    const { archive, run } = await startAdmin()
    const job = makeJob('1', 'suppressions', 'dead')
    archive.events.push(makeEvent('1', { jobs: [job], state: 'dead' }))
    const { exitCode, out } = await run(['events', 'show', '1'])
    expect(exitCode).toBe(0)
    expect(out).toContain('type        bounce (email.bounced)\n')
    expect(out).toContain('suppressions: dead, 1 attempt\n  attempt 1: dead')
    expect(out).toContain('\n{"event":"bounce","n":12345678901234567890}\n')
  })

  it('shows a whole error, line by line', async () => {
    const { archive, run } = await startAdmin()
    const attempt = { attempt: 1, outcome: 'dead', endedAt: 1_000, durationMs: 12 } as const
    const error = 'Error: gone\n    at bounce (/srv/a.ts:1:2)\x1b'
    const job = { ...makeJob('1', 'a', 'dead'), attempts: [{ ...attempt, error }] }
    archive.events.push(makeEvent('1', { jobs: [{ ...job, lastError: error }], state: 'dead' }))
    const { out } = await run(['events', 'show', '1'])
    expect(out).toContain('took 12 ms\n    Error: gone\n        at bounce (/srv/a.ts:1:2)\\x1b\n')
    const list = await run(['jobs'])
    expect(list.out).toContain('Error: gone\n')
  })

  it.each([
    [{ eventId: 'bede7236-2284-43d6-a953-1fdcafd0fdbc' }, 'A test of the provider'],
    [{ state: 'conflict' }, 'an event with other content'],
    [{ state: 'stale' }, 'older than the keys kept here'],
    [{}, 'No handler wanted it.'],
  ] as const)('says why %j has no jobs', async (changes, text) => {
    const { archive, run } = await startAdmin()
    archive.events.push(makeEvent('1', { state: 'unhandled', ...changes }))
    expect((await run(['events', 'show', '1'])).out).toContain(text)
  })

  it('gives machines the payload as the text it is', async () => {
    const { archive, run } = await startAdmin()
    archive.events.push(makeEvent('1'))
    const { out } = await run(['events', 'show', '1', '--json'])
    expect(JSON.parse(out).payload).toBe('{"event":"bounce","n":12345678901234567890}')
  })

  it('fails with a sentence when there is no such event', async () => {
    const { run } = await startAdmin()
    const { exitCode, err } = await run(['events', 'show', '77'])
    expect(exitCode).toBe(1)
    expect(err).toMatch(/^error: No event has this id/)
  })
})

describe('mailtrap-receiver jobs', () => {
  it('lists jobs of one handler in one state', async () => {
    const { archive, run } = await startAdmin()
    const jobs = [makeJob('1', 'alerts', 'dead'), makeJob('1', 'log', 'done')]
    archive.events.push(makeEvent('1', { jobs }))
    const { out } = await run(['jobs', '--handler', 'alerts', '--state', 'dead'])
    expect(out).toBe(
      'EVENT  TYPE    RECIPIENT        RECEIVED (UTC)       HANDLER  STATE  ATTEMPTS  NEXT (UTC)  LAST ERROR\n' +
        '1      bounce  ada@example.com  2026-11-21 09:30:00  alerts   dead          1  -           no such list\n',
    )
  })
})

describe('the states of mailtrap-receiver jobs', () => {
  it('calls retrying what has failed, as --state does', async () => {
    const { archive, run } = await startAdmin()
    const waiting = makeJob('1', 'alerts', 'pending')
    archive.events.push(makeEvent('1', { jobs: [waiting, { ...waiting, attempt: 2 }] }))
    const { out } = await run(['jobs'])
    const rows = out.trimEnd().split('\n').slice(1)
    expect(rows.map((row) => row.split(/ {2,}/).slice(5, 7))).toEqual([
      ['pending', '0'],
      ['retrying', '2'],
    ])
    const { out: json } = await run(['jobs', '--json'])
    expect(json).not.toContain('"state":"retrying"')
  })
})

describe('mailtrap-receiver quarantine', () => {
  const piece = {
    id: '7',
    batch: 'batch-1',
    source: 'mailtrap',
    reason: 'invalid_json',
    detail: 'Unexpected end',
    position: 1,
    pieces: 1,
    byteOffset: 10,
    bytes: 6,
    receivedAt: Date.UTC(2026, 10, 21),
    body: Buffer.from('{"a\x1b\xff\n', 'latin1'),
  } as const

  it('lists pieces', async () => {
    const { archive, run } = await startAdmin()
    archive.quarantine.push(piece)
    const { out } = await run(['quarantine'])
    expect(out).toContain('7   2026-11-21 00:00:00  mailtrap  invalid_json      1       1      6')
  })

  it('says why a piece is there and where it stood, then shows it as text', async () => {
    const { archive, run } = await startAdmin()
    archive.quarantine.push({ ...piece, body: Buffer.from('{"a":\t“é”\n') })
    const { exitCode, out } = await run(['quarantine', 'show', '7'])
    expect(exitCode).toBe(0)
    expect(out.split('\n')).toEqual([
      'quarantine  7',
      'reason      invalid_json',
      'detail      Unexpected end',
      'received    2026-11-21 00:00:00 UTC, source mailtrap',
      'batch       batch-1, piece 1, from byte 10 of its body',
      'size        15 bytes',
      '',
      '{"a":\t“é”',
      '',
    ])
  })

  it('shows what is not printable as hex too', async () => {
    const { archive, run } = await startAdmin()
    archive.quarantine.push({ ...piece, pieces: 3 })
    const { out } = await run(['quarantine', 'show', '7'])
    expect(out).toContain('batch       batch-1, pieces 1 to 3, from byte 10 of its body\n')
    expect(out).toContain('\n{"a\\x1b\ufffd\n')
    expect(out).toContain('00000000  7b 22 61 1b ff 0a')
  })

  it('names a command when there is no such piece', async () => {
    const { run } = await startAdmin()
    const { exitCode, err } = await run(['quarantine', 'show', '99'])
    expect(exitCode).toBe(1)
    expect(err).toMatch(
      /^error: Nothing in quarantine has this id.* mailtrap-receiver quarantine lists it\.$/m,
    )
  })

  it('gives machines everything, the bytes as base64', async () => {
    const { archive, run } = await startAdmin()
    archive.quarantine.push(piece)
    const { out } = await run(['quarantine', 'show', '7', '--json'])
    expect(JSON.parse(out)).toMatchObject({
      id: '7',
      reason: 'invalid_json',
      position: 1,
      byte_offset: 10,
      base64: piece.body.toString('base64'),
    })
  })

  it('fails with a sentence when there is no such piece', async () => {
    const { run } = await startAdmin()
    const { exitCode, err } = await run(['quarantine', 'show', '7e0'])
    expect(exitCode).toBe(1)
    expect(err).toMatch(/^error: Nothing in quarantine has this id/)
  })

  it('gives the bytes themselves to a pipe', async () => {
    const { archive, run } = await startAdmin()
    archive.quarantine.push({ ...piece, body: Buffer.from('{"a\n') })
    const { out } = await run(['quarantine', 'show', '7', '--raw'])
    expect(out).toBe('{"a\n')
  })

  it('says that more bytes are there', async () => {
    const { archive, run } = await startAdmin()
    archive.quarantine.push({ ...piece, body: Buffer.alloc(5_000, 'x') })
    const { out } = await run(['quarantine', 'show', '7', '--bytes', '16'])
    expect(out).toContain('… 4,984 bytes more: --bytes 5000, or --raw')
  })

  it('reads a piece again, and names the receiver first', async () => {
    const { archive, run, url } = await startAdmin()
    archive.quarantine.push(piece)
    expect(await run(['quarantine', 'replay', '7'])).toEqual({
      exitCode: 0,
      out: 'Its bytes are read again, as batch batch-new.\n',
      err: expect.stringContaining(`Receiver at ${url}: version 1.2.3, store sqlite:`),
    })
    expect(archive.quarantine).toEqual([])
    archive.quarantine.push(piece)
    const { out } = await run(['quarantine', 'replay', '7', '--json'])
    expect(JSON.parse(out)).toEqual({ batch: 'batch-new' })
  })

  it('reads nothing again that is not there', async () => {
    const { archive, run } = await startAdmin()
    archive.quarantine.push(piece)
    expect(await run(['quarantine', 'replay', '8'])).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('mailtrap-receiver quarantine lists it.'),
    })
    expect(archive.quarantine).toEqual([piece])
  })
})

describe('mailtrap-receiver stats', () => {
  it('shows the figures', async () => {
    const { archive, counts, run } = await startAdmin()
    archive.events.push(makeEvent('1'), makeEvent('2', { state: 'dead' }))
    archive.figures = {
      duplicates: 12,
      backlog: 4,
      oldestPendingMs: 90_000,
    }
    counts.refused = { ...counts.refused, signature: 2 }
    const { exitCode, out } = await run(['stats'])
    expect(exitCode).toBe(0)
    expect(out).toContain('events      2 (done 1, dead 1)\n')
    expect(out).toContain('refused     2 (signature 2)\n')
    expect(out).toContain('backlog     4, the oldest waits for 1 min 30 s\n')
  })

  it('shows the handlers as their own list does', async () => {
    const { archive, health, run } = await startAdmin()
    expect((await run(['stats'])).out).toContain('\n\nNo handler is loaded.\n')
    archive.figures = { jobs: { suppressions: { done: 1_200, pending: 0, dead: 3 } } }
    health['alerts'] = { running: true, restarts: 1, lastProblem: undefined }
    health['suppressions'] = { running: false, restarts: 2, lastProblem: 'exit code 1' }
    const { out } = await run(['stats'])
    expect(out).toMatch(/^suppressions +not running, 2 restarts +0 +1,200 +3 +- +exit code 1$/m)
    expect(out).toMatch(/^alerts +running, 1 restart +0 +0 +0 +- +-$/m)
    expect(out).toContain(`\n\n${(await run(['handlers'])).out}`)
  })

  it('knows nothing of the process of a handler that is called as what every object has', async () => {
    const { archive, run } = await startAdmin()
    archive.figures = { jobs: { constructor: { pending: 0, done: 1, dead: 2 } } }
    const { out } = await run(['stats'])
    expect(out).toMatch(/^constructor +not running here +0 +1 +2 +- +-$/m)
  })

  it('shows what waits in the spool, and what ails the database', async () => {
    const { archive, run } = await startAdmin({
      spool: {
        waiting: 1_200,
        refused: 2,
        spooled: 3_000,
        drained: 1_800,
        setAside: 0,
        bytes: 40_960_000,
        diskUsedPercent: 41,
        since: Date.UTC(2026, 10, 21, 9, 59),
      },
    })
    archive.databaseHealth = {
      deadRows: { jobs: 120, keys: 0 },
      oldestTransactionMs: 90_000,
      turnedOff: ['fsync'],
    }
    const { out } = await run(['stats'])
    expect(out).toContain(
      'spool       1,200 batches, 2 refused, since 2026-11-21 09:59:00 UTC, 41.0 MB, the disk is 41 % full\n',
    )
    expect(out).toContain(
      'database    dead rows: jobs 120, oldest transaction 1 min 30 s, fsync is off\n',
    )
  })

  it('shows the spool also while the store is away, and fails', async () => {
    const waiting = { waiting: 3, refused: 0, spooled: 3, drained: 0, setAside: 0 }
    const { archive, counts, run } = await startAdmin({
      spool: { ...waiting, bytes: 1_000, diskUsedPercent: 41, since: Date.UTC(2026, 10, 21, 9) },
    })
    archive.problem = new ReceiverError('store_busy')
    counts.refused = { ...counts.refused, signature: 2 }
    const shown = await run(['stats'])
    expect(shown.exitCode).toBe(1)
    expect(shown.out).toContain('refused     2 (signature 2)\n')
    expect(shown.out).toContain('spool       3 batches, since 2026-11-21 09:00:00 UTC')
    expect(shown.err).toContain('The store could not do its work in time.')
    const { out } = await run(['stats', '--json'])
    expect(JSON.parse(out)).toMatchObject({ version: '1.2.3', spool: { waiting: 3 } })
  })

  it('says first for what a person is needed, since when, and what to do', async () => {
    const told = { cause: 'not_ready', text: 'The disk is full.', remedy: 'Free space.' }
    const since = Date.UTC(2026, 10, 21, 9)
    const verdict = async () => ({ causes: [{ ...told, since }] })
    const { run, archive } = await startAdmin({ verdict })
    const first = /^The disk is full\. Since 2026-11-21 09:00:00 UTC\. Free space\.\n\n/
    expect((await run(['stats'])).out).toMatch(first)
    archive.problem = new ReceiverError('store_busy')
    expect((await run(['stats'])).out).toMatch(first)
  })

  it('gives machines what the API said', async () => {
    const { run } = await startAdmin()
    const { out } = await run(['stats', '--json'])
    expect(JSON.parse(out)).toMatchObject({ version: '1.2.3', backlog: 0 })
  })
})

describe('mailtrap-receiver replay', () => {
  it('refuses to replay everything', async () => {
    const { archive, run } = await startAdmin()
    const { exitCode, err } = await run(['replay'])
    expect(exitCode).toBe(2)
    expect(err).toContain('Try: mailtrap-receiver replay --help')
    expect(archive.calls).toEqual([])
  })

  it('names the handlers when one is misspelt', async () => {
    const { handlers, run } = await startAdmin()
    handlers.push({ name: 'alerts', module: '/srv/alerts.ts', keys: ['*'], takesBatches: false })
    const { exitCode, err } = await run(['replay', '--handler', 'alert'])
    expect(exitCode).toBe(2)
    expect(err).toMatch(/^error: --handler must be .* Did you mean alerts\?$/m)
  })

  it('says so when nothing was to be replayed', async () => {
    const { archive, handlers, run } = await startAdmin()
    handlers.push({ name: 'alerts', module: '/srv/alerts.ts', keys: ['*'], takesBatches: false })
    archive.events.push(makeEvent('1', { jobs: [makeJob('1', 'alerts', 'pending')] }))
    const { exitCode, out } = await run(['replay', '--event', '1'])
    expect(exitCode).toBe(0)
    expect(out).toBe(
      'No job became pending: nothing matches, or what does is pending already or a test of the provider.\n',
    )
  })

  it('says that the receiver goes on when it takes longer than one can wait', async () => {
    const stop = new AbortController()
    const server = createServer(({ method }, answer) => {
      if (method === 'GET') answer.end('{"version":"1.2.3","store":"sqlite:/data/receiver.db"}')
      else stop.abort()
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close().closeAllConnections())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { exitCode, err } = await runCommand(
      ['replay', '--state', 'dead', '--admin-url', `http://127.0.0.1:${port}`],
      { stopped: stop.signal },
    )
    expect(exitCode).toBe(1)
    expect(err).toContain('goes on')
    expect(err).toContain('mailtrap-receiver stats')
  })

  it('says how many jobs are pending again', async () => {
    const { archive, handlers, run } = await startAdmin()
    handlers.push({ name: 'alerts', module: '/srv/alerts.ts', keys: ['*'], takesBatches: false })
    archive.events.push(makeEvent('1', { jobs: [makeJob('1', 'alerts', 'dead')], state: 'dead' }))
    const { exitCode, out } = await run(['replay', '--state', 'dead'])
    expect(exitCode).toBe(0)
    expect(out).toBe('1 job is pending again.\n')
  })
})

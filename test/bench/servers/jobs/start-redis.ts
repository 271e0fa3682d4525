import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

const START_TIMEOUT_MS = 90_000

/** A Redis that syncs what it is told before it answers. */
export interface RedisServer {
  /** Its socket, a path. */
  readonly url: string
  stop(): Promise<void>
}

/** Undefined where there is no redis-server on the PATH. */
export function readRedisVersion(): string | undefined {
  try {
    const text = execFileSync('redis-server', ['--version'], { encoding: 'utf8' })
    return /v=([\d.]+)/.exec(text)?.[1] ?? 'unknown'
  } catch {
    return undefined
  }
}

/** An empty one, in `folder`. */
export async function startRedis(folder: string): Promise<RedisServer> {
  mkdirSync(folder, { recursive: true })
  const url = `${folder}/redis.sock`
  const settings = {
    port: '0',
    unixsocket: url,
    dir: folder,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const server = spawn('redis-server', flags, { stdio: 'ignore' })
  const exit = once(server, 'exit')
  for (const deadline = performance.now() + START_TIMEOUT_MS; !existsSync(url); await pause(20)) {
    if (server.exitCode === null && performance.now() < deadline) continue
    server.kill('SIGKILL')
    throw new Error('redis-server did not start.')
  }
  return {
    url,
    async stop() {
      server.kill('SIGKILL')
      await exit
    },
  }
}

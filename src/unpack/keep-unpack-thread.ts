import { Worker } from 'node:worker_threads'
import { entryPoint } from '../entry-point.ts'
import type { Observer } from '../observe/observer.ts'
import type { UnpackNews, UnpackOrder, UnpackThreadData } from './unpack-thread.ts'

/**
 * The first bounds what one hostile batch can take; the thread is started anew when it runs out.
 * The second is a fraction of what Node would choose; a thread fills it before it looks what is
 * garbage.
 */
const HEAP_MB = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 6 }

/** How long to wait before a thread that died is started anew. */
const RESTART_MS = 1_000

export interface UnpackThread {
  /** Without effect when it has been started, or stopped. */
  start(): void
  /**
   * Ends the thread after the chunk under way and starts another, which asks `connect` again.
   * Resolves when the one before takes no batch any more.
   */
  restart(): Promise<void>
  stop(): Promise<void>
}

/**
 * Unpacks in a thread of its own, so that no content can hold up an answer. A thread that dies is
 * started anew; what it was working on is still in the journal.
 */
export function keepUnpackThread(options: {
  /** Called for every thread that is started: each needs a store of its own. */
  connect: () => UnpackThreadData
  observer: Pick<Observer, 'batchUnpacked' | 'unpackFailed' | 'storeCommitted'>
}): UnpackThread {
  const { connect, observer } = options
  let isWanted = false
  let hasStopped = false
  let timer: NodeJS.Timeout | undefined
  let worker: Worker | undefined

  function start(): void {
    if (isWanted || hasStopped) return
    isWanted = true
    run()
  }

  function run(): void {
    const { url, execArgv } = entryPoint('./unpack-thread', import.meta.url)
    const data = connect()
    worker = new Worker(url, {
      workerData: data,
      transferList: [data.store.port],
      execArgv: [...execArgv],
      resourceLimits: HEAP_MB,
    })
    worker.on('message', tell)
    worker.on('error', (error) => observer.unpackFailed({ batch: '', error: String(error) }))
    worker.on('exit', (code) => {
      worker = undefined
      if (isWanted) timer = setTimeout(run, code === 0 ? 0 : RESTART_MS)
    })
  }

  function tell(news: UnpackNews): void {
    if (news.name === 'batchUnpacked') observer.batchUnpacked(news.fact)
    if (news.name === 'storeCommitted') observer.storeCommitted(news.fact)
    if (news.name === 'unpackFailed') observer.unpackFailed(news.fact)
  }

  async function restart(): Promise<void> {
    const thread = worker
    if (!thread) return
    // Not `once` of node:events, which rejects when the thread fails as it ends.
    const hasEnded = new Promise((resolve) => thread.once('exit', resolve))
    thread.postMessage('stop' satisfies UnpackOrder)
    await hasEnded
  }

  async function stop(): Promise<void> {
    isWanted = false
    hasStopped = true
    clearTimeout(timer)
    await restart()
  }

  return { start, restart, stop }
}

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { entryPoint } from '../../../src/entry-point.ts'
import type { LoadOrder, LoadReport } from './load-client.ts'
import type { LoadResult, LoadSpec } from './send-load.ts'

/** The load, in a process of its own. */
export interface LoadClient {
  readonly pid: number | undefined
  /** The average size of a body. */
  readonly batchBytes: number
  /** Every batch that there is. */
  readonly batches: number
  /** Rejects at the first answer that is not 200. */
  send(spec: LoadSpec): Promise<LoadResult>
  stop(): void
}

export async function startLoadClient(batches: number): Promise<LoadClient> {
  const { url, execArgv } = entryPoint('./load-client', import.meta.url)
  const child = fork(fileURLToPath(url), { execArgv: [...execArgv] })
  const rendered = await ask(child, { kind: 'render', batches })
  if (rendered.kind !== 'rendered') throw new Error('The load client rendered nothing.')
  return {
    pid: child.pid,
    batchBytes: rendered.batchBytes,
    batches,
    async send(spec) {
      const report = await ask(child, { kind: 'send', spec })
      if (report.kind !== 'sent') throw new Error('The load client sent nothing.')
      return report.result
    },
    stop: () => void child.kill(),
  }
}

async function ask(child: ChildProcess, order: LoadOrder): Promise<LoadReport> {
  const ended = new AbortController()
  const answer = once(child, 'message', { signal: ended.signal })
  const exit = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`The load client ended with ${code}.`)
  })
  child.send(order)
  try {
    const [report] = (await Promise.race([answer, exit])) as [LoadReport]
    if (report.kind === 'failed') throw new Error(report.reason)
    return report
  } finally {
    ended.abort()
    answer.catch(() => {})
    exit.catch(() => {})
  }
}

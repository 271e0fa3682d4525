import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { END, LoadOrder, LoadReport } from './load-client.ts'
import type { Shape } from './sample-batches.ts'
import type { LoadResult, LoadSpec } from './send-load.ts'

/** The load, in a process of its own. */
export interface LoadClient {
  readonly pid: number | undefined
  /** Renders batches until there are so many. Answers the average size of a request. */
  render(shape: Shape, batches: number): Promise<number>
  /** The same, none of them sent before. */
  renew(shape: Shape, batches: number): Promise<number>
  /** Rejects at the first answer that is not 200. */
  send(spec: LoadSpec): Promise<LoadResult>
  /** Ends what is being sent. */
  end(): void
  stop(): void
}

/** With so many full batches. */
export async function startLoadClient(batches: number): Promise<LoadClient> {
  const file = fileURLToPath(new URL('./load-client.ts', import.meta.url))
  const child = fork(file, { execArgv: ['--import', import.meta.resolve('tsx')] })
  async function render(order: LoadOrder): Promise<number> {
    const report = await ask(child, order)
    if (report.kind !== 'rendered') throw new Error('The load client rendered nothing.')
    return report.batchBytes
  }
  const client: LoadClient = {
    pid: child.pid,
    render: (shape, count) => render({ kind: 'render', shape, batches: count }),
    renew: (shape, count) => render({ kind: 'render', shape, batches: count, isFresh: true }),
    async send(spec) {
      const report = await ask(child, { kind: 'send', spec })
      if (report.kind !== 'sent') throw new Error('The load client sent nothing.')
      return report.result
    },
    end: () => void child.send('end' satisfies typeof END),
    stop: () => void child.kill(),
  }
  await client.render('full', batches)
  return client
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

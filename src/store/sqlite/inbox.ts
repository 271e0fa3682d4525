import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Columns } from './columns.ts'
import type { StoreNews, StoreRequest, Waiting } from './requests.ts'

/** Rows of work that may share one transaction; acknowledgements wait that long at most. */
const MOST_ROWS_TOGETHER = 500

/** Each is bounded by itself, and as much as others may wait for. */
const LARGE: ReadonlySet<string> = new Set(['prune', 'erase'])

/** Runs without a transaction around it, and so without others. */
export const isAlone = (operation: string): boolean => operation === 'wipe'

/** The requests of every client, in order of arrival. */
export function createInbox(onArrival: () => void) {
  const ports = new Set<MessagePort>()
  let appends: Waiting[] = []
  const work: Waiting[] = []

  function addPort(port: MessagePort): void {
    ports.add(port)
    port.on('message', (request: StoreRequest) => {
      accept(port, request)
      onArrival()
    })
    port.on('close', () => ports.delete(port))
  }

  function accept(port: MessagePort, request: StoreRequest): void {
    if (request.operation === 'connect') addPort(request.args[0] as MessagePort)
    else (request.operation === 'append' ? appends : work).push({ ...request, port })
  }

  return {
    addPort,
    /** Looks for what arrived while the thread was busy, without going back to the event loop. */
    collect(): void {
      for (const port of ports) {
        for (let item = receiveMessageOnPort(port); item; item = receiveMessageOnPort(port)) {
          accept(port, item.message as StoreRequest)
        }
      }
    },
    takeAppends(): readonly Waiting[] {
      const taken = appends
      appends = []
      return taken
    },
    /** The next request of another kind, with those behind it that are small enough to go along. */
    takeWork(): readonly Waiting[] {
      let rows = 0
      const end = work.findIndex((request, index) => {
        rows += countRows(request)
        return index > 0 && rows > MOST_ROWS_TOGETHER
      })
      return work.splice(0, end === -1 ? work.length : end)
    },
    broadcast(news: StoreNews): void {
      for (const port of ports) port.postMessage(news)
    },
    close(): void {
      for (const port of ports) port.close()
    },
  }
}

function countRows({ operation, args }: StoreRequest): number {
  const [first] = args
  if (operation === 'settle' || operation === 'extend') return countColumnRows(first as Columns)
  if (operation === 'commitChunk') return countColumnRows((first as { events: Columns }).events) * 2
  if (operation === 'claim') return (first as { limit: number }).limit
  if (isAlone(operation)) return Number.POSITIVE_INFINITY
  return LARGE.has(operation) ? MOST_ROWS_TOGETHER : 1
}

const countColumnRows = ({ lists }: Columns): number => lists[0]?.length ?? 0

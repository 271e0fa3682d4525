/** The process that sends: renders its requests before any clock runs, then obeys its parent. */
import { renderBatch, renderRequest } from './sample-batches.ts'
import { type LoadResult, type LoadSpec, sendLoad } from './send-load.ts'

export type LoadOrder =
  | { readonly kind: 'render'; readonly batches: number }
  | { readonly kind: 'send'; readonly spec: LoadSpec }

export type LoadReport =
  | { readonly kind: 'rendered'; readonly batchBytes: number }
  | { readonly kind: 'sent'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly reason: string }

const requests: Buffer[] = []

process.on('message', (order: LoadOrder) => {
  void obey(order)
    .catch((error: Error): LoadReport => ({ kind: 'failed', reason: error.message }))
    .then((report) => process.send?.(report))
})
process.on('disconnect', () => process.exit())

async function obey(order: LoadOrder): Promise<LoadReport> {
  if (order.kind === 'send') return { kind: 'sent', result: await sendLoad(requests, order.spec) }
  let bytes = 0
  for (let batch = requests.length; batch < order.batches; batch++) {
    const body = renderBatch(batch)
    bytes += body.length
    requests.push(renderRequest(body))
  }
  return { kind: 'rendered', batchBytes: Math.round(bytes / order.batches) }
}

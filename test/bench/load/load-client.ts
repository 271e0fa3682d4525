/** The process that sends: renders its requests before any clock runs, then obeys its parent. */
import { renderBatch, renderRequest, type Shape } from './sample-batches.ts'
import { type LoadResult, type LoadSpec, sendLoad } from './send-load.ts'

export type LoadOrder =
  /** So many of the shape at least; `isFresh`: none of those that were there before. */
  | {
      readonly kind: 'render'
      readonly shape: Shape
      readonly batches: number
      readonly isFresh?: boolean
    }
  | { readonly kind: 'send'; readonly spec: LoadSpec }

/** Ends what is being sent, whose report comes then as for any other. */
export const END = 'end'

export type LoadReport =
  | { readonly kind: 'rendered'; readonly batchBytes: number }
  | { readonly kind: 'sent'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly reason: string }

const requests = new Map<Shape, Buffer[]>()
let end = new AbortController()
let rendered = 0

process.on('message', (order: LoadOrder | typeof END) => {
  if (order === END) return end.abort()
  void obey(order)
    .catch((error: Error): LoadReport => ({ kind: 'failed', reason: error.message }))
    .then((report) => process.send?.(report))
})
process.on('disconnect', () => process.exit())

async function obey(order: LoadOrder): Promise<LoadReport> {
  if (order.kind === 'send') return { kind: 'sent', result: await send(order.spec) }
  const { shape, batches, isFresh = false } = order
  const made = (isFresh ? undefined : requests.get(shape)) ?? []
  requests.set(shape, made)
  while (made.length < batches) made.push(renderRequest(renderBatch(rendered++, shape), shape))
  const bytes = made.reduce((sum, request) => sum + request.length, 0)
  return { kind: 'rendered', batchBytes: Math.round(bytes / made.length) }
}

function send(spec: LoadSpec): Promise<LoadResult> {
  end = new AbortController()
  return sendLoad(requests.get(spec.shape ?? 'full') ?? [], spec, end.signal)
}

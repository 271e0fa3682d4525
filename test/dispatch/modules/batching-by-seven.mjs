import { defineHandler } from 'mailtrap-receiver'

export default defineHandler({
  name: 'batching-by-seven',
  batchSize: 7,
  onBatch: (items, { log }) => log.info('batch', { size: items.length }),
})

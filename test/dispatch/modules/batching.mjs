import { defineHandler } from 'mailtrap-receiver'

export default defineHandler({
  name: 'batching',
  onBatch: async (items, { log }) => {
    log.info('batch', { size: items.length })
    const wishes = items.map((item) => JSON.parse(item.payload).custom_variables)
    if (wishes.some(({ act }) => act === 'throwAll')) throw new Error('all of them')
    if (wishes.some(({ act }) => act === 'exit')) process.exit(0)
    return items.filter((_, index) => wishes[index].act === 'fail').map(({ id }) => id)
  },
})

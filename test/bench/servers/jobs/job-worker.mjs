/** Runs the benchmark's handler for every job, and tells the receiver now and then for how many. */
const TELL_EVERY_MS = 50

const handler = { on: { '*': async () => {} } }
const { startWorker } = await import(process.env.LIBRARY)
let handled = 0

await startWorker(async (event) => {
  await handler.on['*'](event)
  handled++
})
setInterval(() => process.send(handled), TELL_EVERY_MS)
process.on('disconnect', () => process.exit())

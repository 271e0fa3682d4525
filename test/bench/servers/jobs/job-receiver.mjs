/**
 * A receiver as one writes it on a job library: verify, parse, one job per event in one call, 200
 * once the library says that they are kept. `LIBRARY` is the module that knows the library. Its
 * worker is a process of its own, so that answers and handlers do not share a thread.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { verifyWebhookSignature } from 'mailtrap'

const { LIBRARY, PORT, MAILTRAP_SIGNING_SECRET } = process.env
const { openQueue } = await import(LIBRARY)
const queue = await openQueue()
const worker = fork(fileURLToPath(new URL('./job-worker.mjs', import.meta.url)), { execArgv: [] })
let handled = 0
worker.on('message', (count) => {
  handled = count
})
worker.on('exit', () => process.exit(1))

const app = express()

app.post(
  '/webhooks/mailtrap',
  express.raw({ type: 'application/json', limit: '10mb' }),
  async (req, res) => {
    const signature = req.get('Mailtrap-Signature') ?? ''
    if (!verifyWebhookSignature(req.body, signature, MAILTRAP_SIGNING_SECRET)) {
      return res.status(401).send('Invalid signature')
    }
    const { events } = JSON.parse(req.body.toString('utf8'))
    await queue.add(events)
    return res.sendStatus(200)
  },
)

// Counting what is recorded costs the library's store something: not before all were handled.
app.get('/recorded', async (req, res) => {
  const expected = Number(req.query.expected)
  res.json(handled < expected ? Math.min(handled, expected - 1) : await queue.countRecorded())
})
app.get('/kept', async (_req, res) => res.json(await queue.countKept()))

app.listen(Number(PORT), '127.0.0.1')

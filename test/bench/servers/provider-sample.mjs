/**
 * What the provider's documents show: Express, the raw body, the SDK's check of the signature, a
 * loop over the events. It keeps nothing.
 */
import express from 'express'
import { verifyWebhookSignature } from 'mailtrap'

const { PORT, MAILTRAP_SIGNING_SECRET } = process.env
const counts = new Map()
const app = express()

// Without a limit of its own Express refuses more than 100 KB, which is less than a full batch.
app.post(
  '/webhooks/mailtrap',
  express.raw({ type: 'application/json', limit: '10mb' }),
  (req, res) => {
    const signature = req.get('Mailtrap-Signature') ?? ''
    if (!verifyWebhookSignature(req.body, signature, MAILTRAP_SIGNING_SECRET)) {
      return res.status(401).send('Invalid signature')
    }
    const { events } = JSON.parse(req.body.toString('utf8'))
    for (const event of events) counts.set(event.event, (counts.get(event.event) ?? 0) + 1)
    return res.sendStatus(200)
  },
)

app.listen(Number(PORT), '127.0.0.1')

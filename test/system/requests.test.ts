import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { readDemoRequests } from '../../src/cli/exercise-demo.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { sendRequest } from '../receive/send-request.ts'
import { startApp } from './start-app.ts'

const samples = readDemoRequests(pathToFileURL('fixtures/requests/'))

it('receives the recorded requests, with the signatures of another tool, as they say', async () => {
  const app = await startApp({ MAILTRAP_SIGNING_SECRET: samples.secret })
  onTestFinished(app.stop)
  let before = await app.api.stats()
  for (const {
    title,
    body,
    signature,
    content_type: contentType,
    ...expected
  } of samples.requests) {
    const headers = { 'content-type': contentType, 'mailtrap-signature': signature }
    const { status, text } = await sendRequest(app.port, { body, headers })
    const after = await app.api.whenIdle()

    expect(status, title).toBe(expected.answer)
    expect(after.events.total - before.events.total, title).toBe(expected.events)
    expect(after.duplicates - before.duplicates, title).toBe(expected.duplicates)
    expect(after.quarantined - before.quarantined, title).toBe(expected.quarantined)
    before = after

    const stored = (await app.api.events()).filter((row) => row.batch === JSON.parse(text).batch)
    for (const { id, state } of stored) {
      expect(state, title).toBe('done')
      expect(body.includes((await app.api.event(id)).payload), title).toBe(true)
    }
    const unreadable = await app.api.quarantine()
    for (const { id, batch } of unreadable.filter((row) => row.batch === JSON.parse(text).batch)) {
      expect(body.includes(await app.api.quarantineBody(id)), batch).toBe(true)
    }
  }
  expect(app.runs()).toHaveLength(before.events.total)
  expect(before.batches.refused_by_reason.signature).toBe(1)
})

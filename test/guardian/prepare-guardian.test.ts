import { expect, it } from 'vitest'
import { prepareGuardian } from '../../src/guardian/prepare-guardian.ts'
import { createRecordingObserver } from '../dispatch/recording-observer.ts'
import { sampleSource } from '../providers/samples.ts'

const OFF = {
  management: undefined,
  guardian: { mayResume: false, intervalMs: 1_000 },
  sources: [sampleSource('mailtrap'), sampleSource('mailingapi')],
  publicUrl: undefined,
  dataDir: '/nowhere',
}
const ON = { ...OFF, management: { url: 'http://127.0.0.1', token: 't', accountId: undefined } }
const PARTS = { isWell: () => true, observer: createRecordingObserver(), now: Date.now }

it('makes a guardian only where there is a token', async () => {
  expect((await prepareGuardian({ ...PARTS, settings: OFF })).guardian).toBeUndefined()
  expect((await prepareGuardian({ ...PARTS, settings: ON })).guardian).toBeDefined()
})

it('takes other settings, but neither begins nor ends', async () => {
  const on = await prepareGuardian({ ...PARTS, settings: ON })
  const off = await prepareGuardian({ ...PARTS, settings: OFF })
  expect([on.reload(ON), off.reload(OFF)]).toEqual([[], []])
  expect([on.reload(OFF), off.reload(ON)].flat()).toEqual([
    expect.stringContaining('restart'),
    expect.stringContaining('restart'),
  ])
})

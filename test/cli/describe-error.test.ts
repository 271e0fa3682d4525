import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { describeError } from '../../src/cli/command.ts'
import { ReceiverError } from '../../src/errors.ts'
import { onTestFinished } from '../on-test-finished.ts'

describe('describeError', () => {
  it('says what to do when a port is taken', async () => {
    const first = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void first.close())
    await once(first, 'listening')
    const address = first.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const [error] = await once(createServer().listen(port, '127.0.0.1'), 'listening').catch(
      (reason) => [reason],
    )
    expect(describeError(error)).toBe(
      `Port ${port} of 127.0.0.1 cannot be had: somebody listens there already. Stop that process, or set PORT or ADMIN_PORT to another.`,
    )
  })

  it('leaves the sentence of an expected error as it is', () => {
    const error = new ReceiverError('store_locked')
    expect(describeError(error)).toBe(error.message)
  })

  it('tells what the system refused, without a stack', () => {
    let error: unknown
    try {
      mkdtempSync('/does/not/exist/x-')
    } catch (thrown) {
      error = thrown
    }
    expect(describeError(error)).toMatch(/^ENOENT: no such file or directory, mkdtemp '.+'\.$/)
  })

  it('shows where an unexpected error comes from', () => {
    expect(describeError(new TypeError('odd'))).toMatch(/^TypeError: odd\n {4}at /)
  })
})

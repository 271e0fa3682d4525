import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import type { StatusJson } from '../../src/simulator/control/status.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { killAndWait } from './receiver-process.ts'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface SimulatorProcess {
  readonly url: string
  /** Runs its clock ahead; resolves when everything due until then was answered. */
  advance(time: string): Promise<void>
  /** Posts events of one's own. */
  post(events: readonly object[], provider: string): Promise<void>
  resetSecret(webhook: string): Promise<string>
  webhook(key: string): Promise<StatusJson['webhooks'][number]>
}

/** A simulator as its users run it, with a clock that stands until it is set ahead. */
export async function startSimulatorProcess(args: readonly string[]): Promise<SimulatorProcess> {
  const child = spawn(
    process.execPath,
    [MAIN, 'simulate', '--port', '0', '--speed', '0', '--json', ...args],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] } },
  )
  onTestFinished(() => killAndWait(child))
  const lines = createInterface({ input: child.stdout })
  const [first] = (await once(lines, 'line')) as [string]
  const url: string = JSON.parse(first).url

  const call = async (path: string, body?: object | string) => {
    const isText = typeof body === 'string'
    const answer = await fetch(`${url}/simulator/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': isText ? 'application/jsonl' : 'application/json' },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    expect(answer.status, text).toBe(200)
    return JSON.parse(text)
  }
  return {
    url,
    advance: async (time) => void (await call('clock', { advance: time })),
    post: async (events, provider) => {
      const lines = events.map((event) => `${JSON.stringify(event)}\n`)
      const answer = await call(`events?provider=${provider}`, lines.join(''))
      expect(answer).toEqual({ events: events.length, wanted: events.length })
    },
    resetSecret: async (key) => (await call(`webhooks/${key}/reset-secret`, {})).signing_secret,
    webhook: async (key) => {
      const { webhooks }: StatusJson = await call('status')
      return webhooks.find(({ webhook }) => webhook === key) ?? expect.fail(`no webhook ${key}`)
    },
  }
}

/** A command as its users run it; answers what it printed as JSON. */
export async function runWebhooks(args: readonly string[], env: Record<string, string>) {
  const argv = [MAIN, 'webhooks', ...args, '--json']
  const { stdout } = await promisify(execFile)(process.execPath, argv, { env })
  return JSON.parse(stdout)
}

import { Writable } from 'node:stream'
import { createLogger } from '../../src/observe/create-logger.ts'

export type Line = Record<string, unknown> & { readonly level: string; readonly msg: string }

/** A logger, and what it has written. */
export function captureLog(options: { level?: string; pretty?: boolean } = {}) {
  const { level = 'info', pretty = false } = options
  const written: string[] = []
  const output = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk))
      done()
    },
  })
  const log = createLogger({ level, pretty, output })
  const text = () => written.join('')
  const lines = () => written.map((line): Line => JSON.parse(line))
  return { log, text, lines }
}

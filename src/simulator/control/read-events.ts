import type { Readable } from 'node:stream'
import ndjson from 'ndjson'
import type { SampleEvent } from '../samples/sample-facts.ts'

/** The lines of a body as events, one in memory at a time. Throws at a line that is no JSON. */
export async function* readEvents(body: Readable): AsyncGenerator<SampleEvent> {
  const parser = ndjson.parse()
  body.on('error', (error) => parser.destroy(error))
  for await (const value of body.pipe(parser)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TypeError('A line is no JSON object.')
    }
    yield value
  }
}

import { readFileSync } from 'node:fs'

/** One recorded request, with what must come of it. */
export interface DemoRequest {
  readonly title: string
  readonly file: string
  readonly contentType: string
  readonly signature: string
  readonly body: Buffer
  /** The status of the answer. */
  readonly answer: number
  readonly events: number
  readonly duplicates: number
  readonly quarantined: number
}

export interface DemoRequests {
  readonly secret: string
  /** How many events each example handler must run. */
  readonly handlers: Readonly<Record<string, number>>
  readonly requests: readonly DemoRequest[]
}

/** Reads the requests recorded in `folder`, byte for byte. */
export function readDemoRequests(folder: URL): DemoRequests {
  const { secret, handlers, requests } = JSON.parse(readText(new URL('requests.json', folder)))
  return {
    secret,
    handlers,
    requests: requests.map(({ content_type: contentType, ...request }: RecordedRequest) => ({
      ...request,
      contentType,
      body: readFileSync(new URL(request.file, folder)),
    })),
  }
}

interface RecordedRequest extends Omit<DemoRequest, 'contentType' | 'body'> {
  readonly content_type: string
}

function readText(path: URL): string {
  return readFileSync(path, 'utf8')
}

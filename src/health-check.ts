/*
 * The image's health check: whether the receiver of this container answers `GET /healthz`. Reads the
 * settings as the receiver does, so that it asks at the right address and port, with TLS or without.
 */
import * as http from 'node:http'
import * as https from 'node:https'
import { reachableName } from './address.ts'
import { readSettings, type Settings, SettingsError } from './config.ts'

/** The Dockerfile ends the check after 5 s; this way it can still say why. */
const TIMEOUT_MS = 4_000

/** What is wrong, as a sentence; undefined: nothing. */
async function findFault({ host, port, tls }: Settings): Promise<string | undefined> {
  const url = `${tls ? 'https' : 'http'}://${reachableName(host)}:${port}/healthz`
  const options = {
    timeout: TIMEOUT_MS,
    headers: { connection: 'close' },
    // It asks itself: the certificate is for the name that the outside uses.
    rejectUnauthorized: false,
  }
  return new Promise((resolve) => {
    const request = (tls ? https : http).get(url, options, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200 ? undefined : `The answer was ${answer.statusCode}.`)
    })
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    request.on('error', ({ message }) => resolve(`The receiver cannot be reached: ${message}`))
  })
}

/** Undefined when they are wrong by now: a receiver that runs started with others, which were right. */
function readOwnSettings(): Settings | undefined {
  try {
    return readSettings({ isSourceOptional: true })
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    process.stdout.write(`Not checked, because the settings are wrong now: ${error.message}\n`)
    return undefined
  }
}

const settings = readOwnSettings()
const fault = settings && (await findFault(settings))
if (fault !== undefined) {
  process.stdout.write(`${fault}\n`)
  process.exitCode = 1
}

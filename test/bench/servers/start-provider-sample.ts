import { fileURLToPath } from 'node:url'
import { findFreePort } from '../../receive/find-free-port.ts'
import { SIGNING_SECRET } from '../load/sample-batches.ts'
import { type ServerProcess, startServer } from './server-process.ts'

export interface ProviderSample extends ServerProcess {
  readonly port: number
}

export async function startProviderSample(folder: string): Promise<ProviderSample> {
  const port = await findFreePort()
  const server = await startServer({
    args: [fileURLToPath(new URL('./provider-sample.mjs', import.meta.url))],
    env: { PORT: String(port), MAILTRAP_SIGNING_SECRET: SIGNING_SECRET },
    // It knows no such page, but says so only once it listens.
    readyUrl: `http://127.0.0.1:${port}/`,
    readyStatus: 404,
    logFile: `${folder}/provider-sample.log`,
  })
  return { ...server, port }
}

import { readFileSync } from 'node:fs'
import { SETTINGS } from '../../src/config.ts'

/** No engine is at hand in a test: what these files promise each other, and what the code promises. */
export const readDeployed = (name: string): string =>
  readFileSync(new URL(`../../fixtures/deploy/${name}`, import.meta.url), 'utf8')

export const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8')
export const PORT = Number(/^EXPOSE (\d+)$/m.exec(dockerfile)?.[1])
export const USER = Number(/^USER (\d+)/m.exec(dockerfile)?.[1])
export const VOLUME = /^VOLUME (\S+)$/m.exec(dockerfile)?.[1]
/** What `app.ts` may take to stop. */
export const STOP_SECONDS = 9

export const SETTING_DEFAULTS = Object.fromEntries(
  SETTINGS.map(({ name, default: value }) => [name, value?.replaceAll('`', '')]),
)

/** A size as systemd (`M`) and Kubernetes (`Mi`) write it, in megabytes of a million bytes. */
export function megabytes(size: string): number {
  const [, digits = ''] = /^(\d+)Mi?$/.exec(size) ?? []
  return Number(digits) * 1.048576
}

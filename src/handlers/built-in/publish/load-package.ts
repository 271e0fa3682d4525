import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * A package that the receiver does not bring: installed beside it, or in the working directory.
 * @throws Error that says how to install it.
 */
export async function loadPackage<Module>(
  name: string,
  /** All that the kind of broker needs, with versions: what else is missing is not told afterwards. */
  toInstall: string,
  workingDirectory = process.cwd(),
): Promise<Module> {
  const beside = () => import(name)
  const installed = () => {
    const { resolve } = createRequire(join(workingDirectory, 'package.json'))
    return import(pathToFileURL(resolve(name)).href)
  }
  for (const load of [beside, installed]) {
    try {
      return (await load()) as Module
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
  throw new Error(`The package ${name} is not installed. Run: npm install ${toInstall}`)
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
}

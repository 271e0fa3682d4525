import { basename, dirname, extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createJiti } from 'jiti'
import { BUILT_IN_LOG } from '../model.ts'
import { checkHandlerName, type Handler, isHandler } from './define-handler.ts'
import { describeError } from './describe-error.ts'
import * as publicExports from './index.ts'
import { type LoadedHandler, toLoadedHandler } from './loaded-handler.ts'
import logHandler from './log-handler.ts'

export type { LoadedHandler } from './loaded-handler.ts'

/**
 * Loads a handler module: an absolute path, `.js .mjs .ts .mts`, or `built-in:log`. It runs the
 * code of an app team, so only a handler's own process may call it.
 *
 * @throws Error whose text names the module and says what is wrong with it.
 */
export async function loadHandlerModule(module: string): Promise<LoadedHandler> {
  if (module === BUILT_IN_LOG) return nameHandler(logHandler, module)
  const handler = findHandler(await importModule(module), module)
  return nameHandler(handler, module)
}

async function importModule(module: string): Promise<object> {
  try {
    return await createModuleLoader().import<object>(module)
  } catch (error) {
    throw new Error(`The handler module ${module} could not be loaded: ${describeError(error)}`, {
      cause: error,
    })
  }
}

/**
 * A module that lies anywhere, without `node_modules` beside it, finds `mailtrap-receiver`: it gets
 * the very one that runs here. Nothing is cached on disk: it may be read-only, or shared.
 */
function createModuleLoader() {
  const testing = new URL(`./testing${extname(import.meta.url)}`, import.meta.url)
  return createJiti(import.meta.url, {
    fsCache: false,
    interopDefault: false,
    virtualModules: { 'mailtrap-receiver': publicExports },
    alias: { 'mailtrap-receiver/testing': fileURLToPath(testing) },
  })
}

function findHandler(exported: object, module: string): Handler {
  const handler = 'default' in exported ? exported.default : exported
  if (isHandler(handler)) return handler
  const fault =
    'default' in exported
      ? 'Its default export was not made by defineHandler'
      : 'It has no default export'
  throw new Error(
    `The handler module ${module} is wrong: ${fault}. Write: export default defineHandler({ … })`,
  )
}

function nameHandler(handler: Handler, module: string): LoadedHandler {
  const loaded = toLoadedHandler(handler, nameAfterFile(module))
  const problem = checkHandlerName(loaded.name)
  if (problem === undefined) return loaded
  throw new Error(`The handler module ${module} is wrong: ${problem} Give it a \`name\`.`)
}

/** `handlers/suppressions.ts` and `handlers/suppressions/index.ts` are both `suppressions`. */
function nameAfterFile(module: string): string {
  const name = basename(module, extname(module))
  return name === 'index' ? basename(dirname(module)) : name
}

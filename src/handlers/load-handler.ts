import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { JitiOptions } from 'jiti'
import { BUILT_IN_LOG, type BuiltIn } from '../model.ts'
import { ownModule } from '../own-files.ts'
import { createBuiltIn, logHandler } from './built-in/create-built-in.ts'
import { checkHandlerName, type Handler, isHandler } from './define-handler.ts'
import { describeError } from './handler-errors.ts'
import * as publicExports from './index.ts'
import { type LoadedHandler, toLoadedHandler } from './read-event.ts'
import { createLoader, createTranslate } from './translate.ts'

export type { LoadedHandler } from './read-event.ts'

/**
 * Loads a handler: a module by its absolute path, `.js .mjs .cjs .ts .mts .cts`, or a built-in one. It
 * runs the code of an app team, so only a handler's own process may call it.
 *
 * @throws Error whose text names the module and says what is wrong with it.
 */
export async function loadHandler(
  module: string,
  builtIn?: BuiltIn | undefined,
): Promise<LoadedHandler> {
  if (builtIn) return nameHandler(await createBuiltIn(builtIn), module)
  if (module === BUILT_IN_LOG) return nameHandler(logHandler, module)
  return nameHandler(findHandler(await importModule(module), module), module)
}

async function importModule(module: string): Promise<object> {
  try {
    return await createModuleLoader(module).import<object>(module)
  } catch (error) {
    throw new Error(`The handler module ${module} could not be loaded: ${describeError(error)}`, {
      cause: error,
    })
  }
}

/**
 * What the module loader has read so far in this process, whether it could be loaded or not, without
 * packages. Absolute paths.
 */
export function listLoadedFiles(): string[] {
  const { cache } = createRequire(import.meta.url)
  return Object.keys(cache).filter((file) => !file.includes('/node_modules/'))
}

/**
 * A module that lies anywhere, without `node_modules` beside it, finds `mailtrap-receiver`: it gets
 * the very one that runs here. Nothing of it is cached on disk: that may be read-only, or shared.
 */
function createModuleLoader(module: string) {
  const transform = createTranslate()
  const options: JitiOptions = {
    ...(transform && { transform }),
    fsCache: false,
    interopDefault: false,
    virtualModules: { 'mailtrap-receiver': publicExports },
    alias: { 'mailtrap-receiver/testing': fileURLToPath(ownModule('handlers/testing')) },
  }
  const tsconfigPaths = findTsconfig(dirname(module))
  try {
    return createLoader(import.meta.url, { ...options, tsconfigPaths })
  } catch {
    // It cannot be read, or extends what is not installed here: the module may need none of it.
    return createLoader(import.meta.url, options)
  }
}

/** The nearest above the module, whose `paths` its imports may use; false: there is none. */
function findTsconfig(folder: string): string | false {
  const file = join(folder, 'tsconfig.json')
  if (existsSync(file)) return file
  return dirname(folder) === folder ? false : findTsconfig(dirname(folder))
}

function findHandler(exported: object, module: string): Handler {
  const handler = 'default' in exported ? exported.default : exported
  if (isHandler(handler)) return handler
  throw new Error(
    `The handler module ${module} is wrong: ${findFault(exported, module)}. Write: export default defineHandler({ … }). If it only helps handlers, put it into a folder below, such as ${join(dirname(module), 'lib')}, where no handlers are looked for.`,
  )
}

function findFault(exported: object, module: string): string {
  if (readFileSync(module, 'utf8').trim() === '') return 'It is empty'
  if ('default' in exported) return 'Its default export was not made by defineHandler'
  return extname(module).startsWith('.c')
    ? 'What it exports was not made by defineHandler'
    : 'It has no default export'
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

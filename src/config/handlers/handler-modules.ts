import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { BUILT_IN_LOG } from '../../model.ts'
import { WrongValue } from '../wrong-value.ts'

const MODULE_NAME = /(?<!\.d|\.test|\.spec)\.(js|mjs|cjs|ts|mts|cts)$/
/** Code by its name that belongs to a tool or an editor, or is of a kind that is not loaded. */
const PASSED_OVER = /^\..*\.[cm]?[jt]s$|\.config\.[cm]?[jt]s$|\.[jt]sx$/
export const MODULE_ENDINGS = '.js, .mjs, .cjs, .ts, .mts or .cts'

/** The modules that the absolute path of a module or a folder stands for; never none. */
export function expandPath(path: string): string[] {
  if (path === BUILT_IN_LOG) return [path]
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) {
    throw new WrongValue(`names ${path}, which does not exist`, 'Give modules or folders that do.')
  }
  if (!stat.isDirectory()) {
    if (MODULE_NAME.test(basename(path))) return [path]
    throw new WrongValue(
      `names ${path}, which is no module`,
      `Give a file that ends in ${MODULE_ENDINGS}.`,
    )
  }
  const modules = listModules(path)
  if (modules.length > 0) return modules
  throw new WrongValue(
    `names the folder ${path}, which holds no module`,
    `Put a file there that ends in ${MODULE_ENDINGS}; folders in it are not searched.`,
  )
}

/** The modules in a folder, not below it, sorted; none when there is no such folder. */
export function listModules(folder: string): string[] {
  return readFolder(folder)
    .filter((name) => MODULE_NAME.test(name) && !PASSED_OVER.test(name))
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
}

/** Files in a folder that somebody may take for handlers. */
export function listPassedOver(folder: string): string[] {
  return readFolder(folder)
    .filter((name) => PASSED_OVER.test(name))
    .map((name) => join(folder, name))
}

/** Names in a folder; none when there is no such folder. */
export function readFolder(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return []
  return readdirSync(folder)
}

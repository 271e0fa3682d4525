import { readdirSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { BUILT_IN_LOG } from '../model.ts'
import type { GivenSettings } from './given-settings.ts'
import type { ProblemList } from './settings-error.ts'
import type { SettingsFile } from './settings-file.ts'
import type { SettingValues } from './settings-schema.ts'
import { WrongValue } from './wrong-value.ts'

const DEFAULT_FOLDER = 'handlers'
const MODULE_NAME = /(?<!\.d|\.test|\.spec)\.(js|mjs|ts|mts)$/

/** One handler module with its limits. */
export interface HandlerModule {
  /** Absolute path, or `built-in:log`. */
  readonly module: string
  /** Attempts at once. Undefined: the dispatcher's default, which depends on the handler. */
  readonly concurrency: number | undefined
  readonly timeoutMs: number
  readonly retryDelaysMs: readonly number[]
  /** Heap of its process. Default 256 MB. */
  readonly maxHeapBytes: number
}

interface Origins {
  readonly file: SettingsFile
  readonly given: GivenSettings
  readonly values: SettingValues
  readonly cwd: string
  readonly problems: ProblemList
}

interface Entry {
  readonly path: string
  readonly label: string
  readonly limits: Omit<HandlerModule, 'module'>
}

/** Every handler module, each once; of two entries for one module the later counts. */
export function findHandlerModules(origins: Origins): HandlerModule[] {
  const { problems } = origins
  const entries = listEntries(origins)
  if (!entries) return findDefaultModules(origins)
  const modules = new Map<string, HandlerModule>()
  for (const { path, label, limits } of entries) {
    const found = problems.attempt(label, () => expandPath(path)) ?? []
    for (const module of found) modules.set(module, { module, ...limits })
  }
  return [...modules.values()]
}

/** HANDLERS, else `handlers:` of the file; undefined: neither. */
function listEntries({ file, given, values }: Origins): Entry[] | undefined {
  const common = commonLimits(values)
  const setting = given.get('HANDLERS')
  if (setting) {
    const paths = values.HANDLERS ?? []
    return paths.map((path, index) => ({
      path: resolveModule(setting.folder, path),
      // Each by itself: of one setting only the first problem is told.
      label: paths.length === 1 ? setting.label : `${setting.label} entry ${index + 1}`,
      limits: common,
    }))
  }
  return file.handlers?.map((entry, index) => ({
    path: resolveModule(file.folder, entry.module),
    label: file.label(`handlers.${index}.module`),
    limits: {
      concurrency: entry.concurrency ?? common.concurrency,
      timeoutMs: entry.timeout ?? common.timeoutMs,
      retryDelaysMs: entry.retry ?? common.retryDelaysMs,
      maxHeapBytes: entry.memory ?? common.maxHeapBytes,
    },
  }))
}

function findDefaultModules({ cwd, values }: Origins): HandlerModule[] {
  const found = listModules(join(cwd, DEFAULT_FOLDER))
  const modules = found.length > 0 ? found : [BUILT_IN_LOG]
  return modules.map((module) => ({ module, ...commonLimits(values) }))
}

function commonLimits(values: SettingValues): Omit<HandlerModule, 'module'> {
  return {
    concurrency: undefined,
    timeoutMs: values.HANDLER_TIMEOUT,
    retryDelaysMs: values.RETRY_SCHEDULE,
    maxHeapBytes: 256 * 1024 ** 2,
  }
}

function resolveModule(folder: string, path: string): string {
  return path === BUILT_IN_LOG ? path : resolve(folder, path)
}

function expandPath(path: string): string[] {
  if (path === BUILT_IN_LOG) return [path]
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) {
    throw new WrongValue(`names ${path}, which does not exist`, 'Give modules or folders that do.')
  }
  if (!stat.isDirectory()) {
    if (MODULE_NAME.test(basename(path))) return [path]
    throw new WrongValue(
      `names ${path}, which is no module`,
      'Give a file that ends in .js, .mjs, .ts or .mts.',
    )
  }
  const modules = listModules(path)
  if (modules.length > 0) return modules
  throw new WrongValue(
    `names the folder ${path}, which holds no module`,
    'Put a .js, .mjs, .ts or .mts file there.',
  )
}

/** The modules in a folder, not below it, sorted; none when there is no such folder. */
function listModules(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return []
  return readdirSync(folder)
    .filter((name) => MODULE_NAME.test(name))
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
}

import { readdirSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { BUILT_IN_LOG, type BuiltIn, type HandlerSettings } from '../../model.ts'
import type { FileHandler } from '../file-schema.ts'
import type { Origins } from '../given-settings.ts'
import { WrongValue } from '../problems.ts'
import type { SettingName, SettingValues } from '../settings-table.ts'
import { readBuiltIn } from './built-in-entries.ts'
import { openEntry } from './open-entry.ts'

const DEFAULT_FOLDER = 'handlers'

type Limits = Omit<HandlerSettings, 'module' | 'builtIn'>

/** One of HANDLERS, or of `handlers:`. */
interface Entry {
  /** How a message names it. */
  readonly label: string
  /** Of a module or a folder; undefined: it is neither. */
  readonly path: string | undefined
  /** Throws `WrongValue`, or leaves problems and answers nothing. */
  readonly read: () => readonly HandlerSettings[]
}

/** Every handler, where they are looked for, and what is none of them though it looks like one. */
export function findHandlers(origins: Origins) {
  const own = join(origins.cwd, DEFAULT_FOLDER)
  const listed = listEntries(origins)
  const entries = [...(listed ?? listDefaults(own, origins)), openForward(origins)]
  const paths = listed ? listed.flatMap(({ path }) => path ?? []) : [own]
  return {
    handlers: readEntries(entries, origins),
    /** Modules and folders, whether they are there or not. */
    handlerPaths: paths,
    /** As sentences. */
    passedOver: [
      ...[...new Set(paths)].flatMap(listPassedOver),
      ...(listed ? [] : describeUnused(own, origins)),
    ],
  }
}

/** Each handler once; of two entries for one module the later counts. */
function readEntries(entries: readonly Entry[], { problems }: Origins): HandlerSettings[] {
  const handlers = new Map<string, HandlerSettings>()
  const labels = new Map<string, string>()
  for (const { label, read } of entries) {
    for (const handler of problems.attempt(label, read) ?? []) {
      const name = handler.builtIn?.name
      const twin = name && labels.get(name)
      if (twin) problems.add(label, `is called ${name}, as ${twin} is`, 'Give one of them a name.')
      if (name) labels.set(name, label)
      handlers.set(handler.module, handler)
    }
  }
  return [...handlers.values()]
}

/** A default folder in which nothing is a handler. */
function describeUnused(folder: string, { given }: Origins): string[] {
  if (readFolder(folder).length === 0 || listModules(folder).length > 0) return []
  const all = `the built-in ${given.has('FORWARD_URL') ? 'forward' : 'log'} handler takes every event`
  return [`${folder} holds no handler, a file that ends in ${MODULE_ENDINGS}: ${all}.`]
}

/** HANDLERS, else `handlers:` of the file; undefined: neither. */
function listEntries(origins: Origins): Entry[] | undefined {
  const { file, given, values } = origins
  const common = commonLimits(values)
  const setting = given.get('HANDLERS')
  if (!setting) {
    return file.handlers?.flatMap((entry, index) =>
      entry ? [openFileEntry(entry, index, origins)] : [],
    )
  }
  const paths = values.HANDLERS ?? []
  return paths.map((path, index) =>
    openModules(
      resolveModule(setting.folder, path),
      common,
      // Each by itself: of one setting only the first problem is told.
      paths.length === 1 ? setting.label : `${setting.label} entry ${index + 1}`,
    ),
  )
}

function openFileEntry(given: FileHandler, index: number, origins: Origins): Entry {
  const { file, values } = origins
  const common = commonLimits(values)
  const limits = {
    ...(given.where && { where: given.where }),
    ...(given.rate && { rate: given.rate }),
    concurrency: given.concurrency ?? common.concurrency,
    timeoutMs: given.timeout ?? common.timeoutMs,
    retryDelaysMs: given.retry ?? common.retryDelaysMs,
    maxHeapBytes: given.memory ?? common.maxHeapBytes,
  }
  const labelOf = (key: string) => file.label(`handlers.${index}.${key}`)
  const readOwn = () => readBuiltIn(openEntry(given, origins, labelOf))
  if (given.module === undefined) {
    const read = () => toSettings(readOwn(), limits)
    return { label: file.label(`handlers.${index}`), path: undefined, read }
  }
  const path = resolveModule(file.folder, given.module)
  const modules = openModules(path, limits, labelOf('module'))
  const read = () => {
    readOwn()
    return modules.read()
  }
  return { ...modules, read }
}

function openModules(path: string, limits: Limits, label: string): Entry {
  return { label, path, read: () => expandPath(path).map((module) => ({ module, ...limits })) }
}

/** What the default folder holds, else the handler that logs, unless there is another. */
function listDefaults(folder: string, { given, values }: Origins): Entry[] {
  const found = listModules(folder)
  const modules = found.length > 0 || given.has('FORWARD_URL') ? found : [BUILT_IN_LOG]
  return modules.map((module) => openModules(module, commonLimits(values), module))
}

/** By the key of an entry of the file that means the same. */
const FORWARD_SETTINGS: Readonly<Record<string, SettingName>> = {
  forward: 'FORWARD_URL',
  secret: 'FORWARD_SECRET',
  format: 'FORWARD_FORMAT',
}

/** What FORWARD_URL makes: read as if it stood in the file. */
function openForward(origins: Origins): Entry {
  const { given, values, problems } = origins
  const labelOf = (key: string) => {
    const name = FORWARD_SETTINGS[key] ?? 'FORWARD_URL'
    return given.get(name)?.label ?? name
  }
  const read = () => {
    if (given.has('FORWARD_URL')) {
      const { FORWARD_URL: forward = '', FORWARD_FORMAT: format, FORWARD_SECRET: secret } = values
      const entry = openEntry({ forward, format, secret }, origins, labelOf)
      return toSettings(readBuiltIn(entry), commonLimits(values))
    }
    for (const [key, name] of Object.entries(FORWARD_SETTINGS)) {
      if (!given.has(name)) continue
      problems.add(labelOf(key), 'is given without FORWARD_URL', 'Give that too, or remove it.')
    }
    return []
  }
  return { label: labelOf('forward'), path: undefined, read }
}

/** Two of a kind have different names, and are told apart by their modules as all handlers are. */
function toSettings(builtIn: BuiltIn | undefined, limits: Limits): HandlerSettings[] {
  if (!builtIn) return []
  const { kind, name } = builtIn
  const module = name === kind ? `built-in:${kind}` : `built-in:${kind}/${name}`
  return [{ module, builtIn, ...limits }]
}

function commonLimits(values: SettingValues): Limits {
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

const MODULE_NAME = /(?<!\.d|\.test|\.spec)\.(js|mjs|cjs|ts|mts|cts)$/
/** Code by its name that belongs to a tool or an editor, or is of a kind that is not loaded. */
const PASSED_OVER = /^\..*\.[cm]?[jt]s$|\.config\.[cm]?[jt]s$|\.[jt]sx$/
const MODULE_ENDINGS = '.js, .mjs, .cjs, .ts, .mts or .cts'

/** The modules that the absolute path of a module or a folder stands for; never none. */
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
function listModules(folder: string): string[] {
  return readFolder(folder)
    .filter((name) => MODULE_NAME.test(name) && !PASSED_OVER.test(name))
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
}

/** Files in a folder that somebody may take for handlers, as sentences. */
function listPassedOver(folder: string): string[] {
  return readFolder(folder)
    .filter((name) => PASSED_OVER.test(name))
    .map((name) => `${join(folder, name)} is not loaded: its name is not that of a handler.`)
}

/** Names in a folder; none when there is no such folder. */
function readFolder(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return []
  return readdirSync(folder)
}

import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { App } from '../../app/running-app.ts'
import {
  digestFiles,
  findReplaced,
  type Settings,
  SettingsError,
  watchFiles,
} from '../../config.ts'
import type { CommandContext } from '../command.ts'

/** What a running receiver cannot change, by the names that people know. */
const FIXED = {
  storeLabel: 'STORE_URL',
  dataDir: 'DATA_DIR',
  host: 'HOST',
  port: 'PORT',
  admin: 'ADMIN_HOST, ADMIN_PORT or ADMIN_PASSWORD',
  role: 'ROLE',
  trustProxy: 'TRUST_PROXY',
  bodyLimitBytes: 'BODY_LIMIT',
  keepAliveMs: 'KEEP_ALIVE',
  retainEventsMs: 'RETAIN_EVENTS',
  retainDeadMs: 'RETAIN_DEAD',
  retainKeysMs: 'RETAIN_KEYS',
} as const satisfies Partial<Record<keyof Settings, string>>

/** The one soon after they were read. */
const FIRST_LOOK = 'a first look'
const FOLDER_CHANGED = 'a folder of handlers changed'

export interface CurrentSettingsOptions {
  /** With which the receiver runs. */
  readonly settings: Settings
  /** Throws a SettingsError. */
  readonly read: () => Settings
  /** Has the receiver take them; resolves with what it did not take, a sentence each. */
  readonly apply: App['reload']
  readonly log: Logger
  /** Also when a file comes into a folder of handlers, or goes from there. Default false. */
  readonly followsFolders?: boolean
  readonly onReloadAsked: CommandContext['onReloadAsked']
}

/**
 * Reads the settings again when somebody asks for it, or when a file changes that one of them came
 * from. Settings with a problem change nothing. Answers how to end it.
 */
export function keepSettingsCurrent(options: CurrentSettingsOptions): () => void {
  const { read, apply, log, followsFolders = false, onReloadAsked } = options
  let { settings } = options
  let running = Promise.resolve()
  let watched = settings.watchedFiles
  let folders = settings.handlerPaths
  let known = digestFiles(watched)
  let stopWatching = watch()

  function watch(): () => void {
    const stopFiles = watchFiles(watched, (isFirst) =>
      reload(isFirst ? FIRST_LOOK : 'a file changed', false),
    )
    // After the first look, too: a file may have come since the settings were read.
    const stopFolders = followsFolders
      ? watchFiles(folders, () => reload(FOLDER_CHANGED, false))
      : () => {}
    return () => {
      stopFiles()
      stopFolders()
    }
  }

  /** One after the other: the last one wins. */
  function reload(reason: string, isCodeNew: boolean): void {
    running = running.then(() => reloadNow(reason, isCodeNew))
  }

  async function reloadNow(reason: string, isCodeNew: boolean): Promise<void> {
    try {
      const fresh = read()
      // Editors make files of their own beside those that they write.
      if (reason === FOLDER_CHANGED && isDeepStrictEqual(fresh, settings)) return
      // At once: what is written while the handlers load is not what was read.
      const digest = digestFiles(fresh.watchedFiles)
      for (const text of describeFixed(settings, fresh)) log.warn(text)
      const isSame = isDeepStrictEqual(fresh, settings) && digest === known
      // Nobody asked for the first look.
      const isRoutine = isSame && reason === FIRST_LOOK
      const problems = await apply(fresh, { isCodeNew, isAudited: !isRoutine })
      for (const problem of problems) log.error(`Not taken, what ran before goes on: ${problem}`)
      known = digest
      watchAnew(fresh.watchedFiles, fresh.handlerPaths)
      settings = fresh
      const level = isRoutine ? 'debug' : 'info'
      const what = isSame ? ': nothing in them has changed' : ''
      log[level](
        { reason, sources: fresh.sources.map(({ name }) => name) },
        `settings read again${what}`,
      )
      for (const file of await findReplaced(watched)) log.warn(describeReplaced(file))
    } catch (error) {
      const problems = error instanceof SettingsError ? error.problems : String(error)
      log.error({ reason, problems }, 'settings were not taken; those from before hold')
      // What is missing may be on its way: settings and their secrets need not change together.
      const tried = error instanceof SettingsError ? error.triedFiles : []
      watchAnew([...new Set([...settings.watchedFiles, ...tried])])
    }
  }

  function watchAnew(files: readonly string[], paths = folders): void {
    if (isDeepStrictEqual([files, paths], [watched, folders])) return
    stopWatching()
    watched = files
    folders = paths
    stopWatching = watch()
  }

  const stopAsking = onReloadAsked(() => reload('asked by SIGHUP', true))
  return () => {
    stopAsking()
    stopWatching()
  }
}

function describeReplaced(file: string): string {
  return `The file ${file} was replaced where it comes from, but is mounted by itself: here it stays the old one, until the container is started anew. Mount its folder, or write into the file instead of replacing it.`
}

function describeFixed(old: Settings, fresh: Settings): string[] {
  const changed = Object.entries(FIXED).filter(
    ([key]) => !isDeepStrictEqual(old[key as keyof Settings], fresh[key as keyof Settings]),
  )
  return changed.map(([, name]) => `${name} changed: that takes a restart, and was not taken now`)
}

import { ownModule } from './own-files.ts'

/** Where a worker thread or a child process starts, and the flags its Node needs for that. */
export interface EntryPoint {
  readonly url: URL
  readonly execArgv: readonly string[]
}

/**
 * Finds the module `path`, as below `src` and without extension; the build has to know it as an entry.
 * Built code starts as it is; sources, as the tests run them, need a loader where Node cannot read
 * TypeScript, as Node 20.
 */
export function entryPoint(path: string): EntryPoint {
  const url = ownModule(path)
  if (url.pathname.endsWith('.mjs')) return { url, execArgv: [] }
  if (Number(process.versions.node.split('.')[0]) >= 24) return { url, execArgv: [] }
  // `--import tsx` alone does nothing in a worker thread.
  const loader = `import { register } from '${import.meta.resolve('tsx/esm/api')}'; register()`
  const execArgv = ['--import', `data:text/javascript,${encodeURIComponent(loader)}`]
  return { url, execArgv }
}

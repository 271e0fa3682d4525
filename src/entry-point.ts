/** Where a worker thread or a child process starts, and the flags its Node needs for that. */
export interface EntryPoint {
  readonly url: URL
  readonly execArgv: readonly string[]
}

/**
 * Finds `path` (without extension) beside the module `from`. Built code starts as it is; sources,
 * as the tests run them, need a loader where Node cannot read TypeScript, as Node 20.
 */
export function entryPoint(path: string, from: string): EntryPoint {
  if (!from.endsWith('.ts')) return { url: new URL(`${path}.js`, from), execArgv: [] }
  if (Number(process.versions.node.split('.')[0]) >= 24) {
    return { url: new URL(`${path}.ts`, from), execArgv: [] }
  }
  // `--import tsx` alone does nothing in a worker thread.
  const loader = `import { register } from '${import.meta.resolve('tsx/esm/api')}'; register()`
  const execArgv = ['--import', `data:text/javascript,${encodeURIComponent(loader)}`]
  return { url: new URL(`${path}.ts`, from), execArgv }
}

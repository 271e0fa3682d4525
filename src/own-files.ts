import { readFileSync } from 'node:fs'

/*
 * Where the files of this package are found: a build keeps its modules in one folder, whatever their
 * rooms, and what they read while they run in the folders that it has below `src`.
 */

/** The ending says that they are modules: Node need not look for a `package.json`. */
const isBuilt = (from: string) => from.endsWith('.mjs')

/** A file or folder that our code reads, such as the SQL of the tables. `path` as below `src`. */
export function ownFile(path: string): URL {
  return new URL(path, import.meta.url)
}

/** A module that something else than an import starts. `path` as below `src`, without extension. */
export function ownModule(path: string, from = import.meta.url): URL {
  return isBuilt(from)
    ? new URL(`${path.split('/').at(-1)}.mjs`, from)
    : new URL(`${path}.ts`, from)
}

/** A file or folder that only a build has, such as the page; sources, as tests run them, take the newest. */
export function builtFile(path: string): URL {
  return new URL(path, isBuilt(import.meta.url) ? import.meta.url : findBuild())
}

/** The folder of the newest build, to which the files in `dist` lead. */
function findBuild(): URL {
  const dist = new URL('../dist/', import.meta.url)
  const [, name] = /'\.\/(\w+)\//.exec(readFileSync(new URL('main.js', dist), 'utf8')) ?? []
  return new URL(`${name}/`, dist)
}

/** A file or folder of the package, such as `package.json`. */
export function packageFile(path: string): URL {
  return new URL(`${isBuilt(import.meta.url) ? '../../' : '../'}${path}`, import.meta.url)
}

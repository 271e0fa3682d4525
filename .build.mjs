/*
 * Builds the sources if there is no build of them yet, then runs what it is given: `node .build.mjs serve`.
 * A build is a folder of its own in `dist`, named by what it was made of, and does not change: what
 * runs from another goes on. The files in `dist` itself lead to the newest. Without development
 * dependencies the build that is there is run.
 */
import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`error: This is Node ${process.versions.node}, and 20.19 is the oldest that will do. Install a newer one.\n`)
  process.exit(1)
}
const ROOT = import.meta.dirname
const DIST = join(ROOT, 'dist')
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc')

/** Where a process or a thread begins, and what others import. */
const ENTRIES = [
  'main',
  'health-check',
  'work/work-thread',
  'store/sqlite/reader-thread',
  'store/sqlite/checkpoint-thread',
  'store/sqlite/left-bytes',
  'dispatch/host/handler-host',
  'handlers/index',
  'handlers/testing',
  // Tests load a handler by the one, and put a receiver together of the others whose leases are short.
  'handlers/load-handler',
  'app',
  'config',
  'observe/create-logger',
]
/**
 * Packages of which the bundles hold what they use: to find, read and compile their 700 files took half
 * of the start. The others are loaded from where npm installed them, when they are wanted.
 */
const TAKEN_IN = [
  '@fastify/swagger',
  'commander',
  'fastify',
  'fastify-raw-body',
  'fastify-type-provider-zod',
  'ipaddr.js',
  'ndjson',
  'pino',
  'prom-client',
  'yaml',
  'zod',
]
/**
 * Of those, what they load only for schemas that our listeners do not have, and half a megabyte of
 * character sets, of bodies that were to be texts: ours stay bytes.
 */
const LEFT_OUT = ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', '../encodings']
/** They get files of their own, without source maps. Of these two only what we use is taken. */
const APART = TAKEN_IN.filter((name) => !['zod', 'fastify-type-provider-zod'].includes(name))
const PROGRAMS = ['main', 'health-check']
const LIBRARIES = ['handlers/index', 'handlers/testing']

/** As `dispatch/process/spawn-host.ts` starts a handler's process that has the memory of most. */
const HOST_FLAGS = ['--max-old-space-size=256', '--min-semi-space-size=4']
/** With what most handlers have, so that all that is called for it is compiled. */
const SAMPLE_HANDLER = `import { type Handler, defineHandler } from 'mailtrap-receiver'
interface Found { readonly id?: string }
enum Kind { hard = 'hard' }
class Seen { constructor(private readonly ids = new Set<string>()) {} has(id: string): boolean { return this.ids.has(id) } }
const seen = new Seen()
const waited: readonly Found[] = await Promise.all([{ id: \`\${Kind.hard}\` } as Found])
const handler: Handler = defineHandler({
  on: { '*': async (event, { log }) => { for (const { id = '' } of waited) if (!seen.has(id)) log?.info(event.event ?? id) } },
})
export default handler
`

/** How many are kept; of older ones those that somebody runs. */
const KEPT_BUILDS = 10
const BUILD = /^[0-9a-f]{16}$/
const RUN_BY = 'run-by-'

function listSources() {
  const entries = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}

/** The same sources have the same build. */
function nameBuild() {
  const others = ['.build.mjs', 'tsconfig.json', 'package-lock.json'].map((name) => join(ROOT, name))
  const hash = createHash('sha256')
  for (const file of [...others, ...listSources()].sort()) {
    hash.update(`${file.slice(ROOT.length)}\0${statSync(file).size}\0`).update(readFileSync(file))
  }
  return hash.digest('hex').slice(0, 16)
}

async function build(name) {
  const fresh = join(DIST, `${name}.${process.pid}`)
  mkdirSync(fresh, { recursive: true })
  try {
    const bundled = bundle(fresh).then(() => compileAhead(fresh))
    await Promise.all([bundled, bundlePage(join(fresh, 'admin/page')), declareTypes(fresh)])
    for (const file of listSources().filter((one) => one.endsWith('.sql'))) {
      cpSync(file, file.replace(join(ROOT, 'src'), fresh))
    }
    // Somebody else may have been first.
    if (!existsSync(join(DIST, name))) renameSync(fresh, join(DIST, name))
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** What only some commands need gets files of its own. */
async function bundle(folder) {
  const esbuild = await import('esbuild')
  const { metafile } = await esbuild.build({
    entryPoints: [
      ...ENTRIES.map((entry) => ({ in: join(ROOT, 'src', `${entry}.ts`), out: basename(entry) })),
      ...APART.map((name) => ({ in: name, out: `package-${name.replace(/\W/g, '-')}` })),
    ],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    metafile: true,
    bundle: true,
    splitting: true,
    plugins: [{ name: 'packages', setup: ({ onResolve }) => onResolve({ filter: /^[^./]|^\.\.\/encodings$/ }, leaveOut) }],
    // Packages that are not modules ask for Node's own.
    banner: { js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);" },
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  })
  dropMapsOfPackages(metafile.outputs)
}

/**
 * Node reads the map of each file as soon as it loads that, in each thread: as much work as to compile the
 * file. Who reads a stack looks for our lines.
 */
function dropMapsOfPackages(outputs) {
  for (const [name, { inputs }] of Object.entries(outputs)) {
    const isOurs = Object.keys(inputs).some((input) => input.startsWith('src/'))
    if (isOurs || !name.endsWith('.mjs')) continue
    const file = join(ROOT, name)
    rmSync(`${file}.map`)
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?$/m, ''))
  }
}

/**
 * What translates handlers is compiled once, by loading one as a process of its own does, with the same
 * flags: others would be another kind of Node to V8 before version 22. See `handlers/translate.ts`.
 */
async function compileAhead(folder) {
  const handler = join(folder, 'sample.ts')
  writeFileSync(handler, SAMPLE_HANDLER)
  const load = `const { loadHandler } = await import('./load-handler.mjs'); await loadHandler(process.argv[1])`
  const args = [...HOST_FLAGS, '--input-type=module', '--eval', load, handler]
  await promisify(execFile)(process.execPath, args, { cwd: folder })
  rmSync(handler)
}

function leaveOut({ path, importer, kind }) {
  const isOurs = kind !== 'entry-point' && importer.startsWith(join(ROOT, 'src'))
  return (isOurs && !TAKEN_IN.includes(path)) || LEFT_OUT.includes(path) ? { external: true } : undefined
}

/** The dashboard as its listener serves it: one script, one style sheet, and two files as they are. */
async function bundlePage(folder) {
  const page = join(ROOT, 'src/admin/page')
  const esbuild = await import('esbuild')
  await esbuild.build({
    entryPoints: [join(page, 'page.tsx'), join(page, 'page.css')],
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome111', 'firefox114', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    banner: { js: '/* Holds Preact, MIT licence, (c) 2015-present Jason Miller. */' },
    logLevel: 'warning',
  })
  for (const file of ['index.html', 'icon.svg']) cpSync(join(page, file), join(folder, file))
}

/** Nothing is checked here: `npm run typecheck` does, and takes several times as long as the build. */
async function declareTypes(folder) {
  const settings = join(folder, 'tsconfig.json')
  const files = LIBRARIES.map((library) => join(ROOT, 'src', `${library}.ts`))
  writeFileSync(settings, JSON.stringify({ extends: '../../tsconfig.json', include: [], files }))
  const flags = ['--noCheck', '--emitDeclarationOnly', '--outDir', join(folder, 'types')]
  await promisify(execFile)(process.execPath, [COMPILER, '-p', settings, ...flags])
  rmSync(settings)
}

/** The names that stay lead to this build from now on. */
function lead(name) {
  for (const file of PROGRAMS) replace(`${file}.js`, `#!/usr/bin/env node\nimport './${name}/${file}.mjs'\n`)
  for (const library of LIBRARIES) {
    const file = basename(library)
    replace(`${file}.js`, `export * from './${name}/${file}.mjs'\n`)
    replace(`${file}.d.ts`, `export * from './${name}/types/${library}.js'\n`)
  }
  // The package has this build and no other.
  replace('.npmignore', ['/*', `!/${name}/`, ...PROGRAMS.map((file) => `!/${file}.js`), '!/index.*', '!/testing.*', `${RUN_BY}*`, 'compiled/', ''].join('\n'))
  utimesSync(join(DIST, name), new Date(), new Date())
}

/** Whole, at once: somebody may be reading it. */
function replace(file, text) {
  const fresh = join(DIST, `${file}.${process.pid}`)
  writeFileSync(fresh, text, { mode: 0o755 })
  renameSync(fresh, join(DIST, file))
}

function removeOldBuilds(name) {
  const madeAt = (one) => statSync(join(DIST, one), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const others = readdirSync(DIST).filter((one) => BUILD.test(one) && one !== name)
  const old = others.sort((a, b) => madeAt(b) - madeAt(a)).slice(KEPT_BUILDS - 1)
  for (const one of old) if (!isRun(one)) rmSync(join(DIST, one), { recursive: true, force: true })
}

function isRun(name) {
  const marks = readdirSync(join(DIST, name)).filter((file) => file.startsWith(RUN_BY))
  return marks.some((mark) => isAlive(Number(mark.slice(RUN_BY.length))))
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** The build that the names that stay lead to; undefined: there is none. */
function findCurrent() {
  const main = join(DIST, 'main.js')
  return existsSync(main) ? /\.\/(\w+)\/main\.mjs/.exec(readFileSync(main, 'utf8'))?.[1] : undefined
}

/** For as long as this process lives. */
function keep(name) {
  const mark = join(DIST, name, `${RUN_BY}${process.pid}`)
  try {
    writeFileSync(mark, '')
    process.once('exit', () => rmSync(mark, { force: true }))
  } catch {
    // Who may not write here does not build here.
  }
}

async function prepare(isToRun) {
  if (!existsSync(COMPILER) || !existsSync(join(ROOT, 'src'))) return
  const name = nameBuild()
  if (!existsSync(join(DIST, name))) {
    // In a process of its own: what is to run needs nothing of what builds.
    if (isToRun) return execFileSync(process.execPath, [import.meta.filename], { stdio: 'inherit' })
    process.stderr.write('Building …\n')
    await build(name)
  }
  if (findCurrent() !== name) lead(name)
  removeOldBuilds(name)
}

const isToRun = process.argv.length > 2
// It asks a receiver for what its start does anyway.
if (process.argv[2] === 'serve') process.on('SIGHUP', () => {})
await prepare(isToRun)
const current = findCurrent()
if (current === undefined) {
  process.stderr.write('There is no build, and nothing to make one with. Run: npm ci\n')
  process.exitCode = 1
} else if (isToRun) {
  keep(current)
  await import(`./dist/${current}/main.mjs`)
}

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readOptions, USAGE } from './bench-options.ts'
import { printReport } from './report/print-report.ts'
import { judge } from './report/targets.ts'
import { runBench } from './run-bench.ts'

/** On the disk of the checkout, where `data/` would be; not in a temporary folder of memory. */
const DATA = fileURLToPath(new URL('../../.data/', import.meta.url))

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args)
  if (options === 'help') {
    process.stdout.write(USAGE)
    return 0
  }
  const missing = options.receivers.find(({ file }) => !existsSync(file))
  if (missing) {
    process.stderr.write(`There is no ${missing.file}. Run: npm run build\n`)
    return 1
  }
  mkdirSync(DATA, { recursive: true })
  const folder = mkdtempSync(`${DATA}bench-`)
  try {
    const figures = await runBench(options, {
      folder,
      tell: (progress) => process.stderr.write(`${progress}\n`),
    })
    const targets = judge(figures)
    process.stdout.write(`\n${printReport(figures, targets)}\n`)
    if (options.jsonFile) {
      writeFileSync(options.jsonFile, `${JSON.stringify({ ...figures, targets }, null, 2)}\n`)
    }
    return 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof TypeError ? error.message : (error as Error).stack}\n`)
  process.exitCode = error instanceof TypeError ? 2 : 1
}

/**
 * Loads the handler modules named on the command line in this very process and prints what came of
 * each as a line of JSON. Arguments: the file of `load-handler`, then the modules.
 */
const [loader = '', ...modules] = process.argv.slice(2)
const { loadHandler } = await import(loader)

for (const module of modules) {
  const result = await loadHandler(module).then(
    ({ on, onBatch, ...loaded }) => ({
      ...loaded,
      functions: Object.keys(on),
      onBatch: typeof onBatch,
    }),
    (error) => ({ problem: error.message }),
  )
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

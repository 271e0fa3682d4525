/** `LONG_RUNS=1`: tests that look for what is rare, or count for a table, take as long as that needs. */
export const IS_LONG = process.env['LONG_RUNS'] === '1'

import { readdirSync } from 'node:fs'

const FOLDER = new URL('../../../src/store/postgres/migrations/', import.meta.url)

/** Rows of the table `migrations` when all were run, in order. */
export const MIGRATIONS = readdirSync(FOLDER)
  .sort()
  .map((name) => ({ name }))

import { sqliteHarness } from './sqlite-harness.ts'
import { describeStoreModel } from './store.model.ts'

describeStoreModel('SQLite', sqliteHarness, 15)

import { describeDeduplication } from './contract/deduplication.contract.ts'
import { describeDiscard } from './contract/discard.contract.ts'
import { describeJobs } from './contract/jobs.contract.ts'
import { describeJournal } from './contract/journal.contract.ts'
import { describeOddContent } from './contract/odd-content.contract.ts'
import { describeReading } from './contract/reading.contract.ts'
import { describeReplay } from './contract/replay.contract.ts'
import { describeRuns } from './contract/runs.contract.ts'
import { describeUnpacking } from './contract/unpacking.contract.ts'
import { describeUpkeep } from './contract/upkeep.contract.ts'
import type { StoreHarness } from './store-harness.ts'

export type { ContractStore, StoreHarness } from './store-harness.ts'

/** What every engine must do, in the order in which an event meets it; each engine's tests run it. */
export function describeStore(engine: string, harness: StoreHarness): void {
  describeJournal(engine, harness)
  describeUnpacking(engine, harness)
  describeDeduplication(engine, harness)
  describeRuns(engine, harness)
  describeJobs(engine, harness)
  describeReplay(engine, harness)
  describeDiscard(engine, harness)
  describeUpkeep(engine, harness)
  describeReading(engine, harness)
  describeOddContent(engine, harness)
}

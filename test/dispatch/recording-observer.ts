import type { Observer } from '../../src/observe/observer.ts'

type Facts = {
  [Name in Exclude<keyof Observer, 'counts' | 'recent'>]: Parameters<Observer[Name]>[0][]
}

/** An observer that keeps what it is told. */
export interface RecordingObserver extends Observer {
  readonly facts: Facts
}

export function createRecordingObserver(): RecordingObserver {
  const facts: Facts = {
    batchReceived: [],
    requestRefused: [],
    batchUnpacked: [],
    unpackFailed: [],
    attemptEnded: [],
    handlerStarted: [],
    handlerEnded: [],
    handlerForgotten: [],
    handlerWrote: [],
    handlerOutputDropped: [],
    storeCommitted: [],
    storeFailed: [],
    storeRecovered: [],
    pruned: [],
    tracesFailed: [],
    adminFailed: [],
    replayed: [],
    erased: [],
    handlerPaused: [],
    pieceRequeued: [],
    signedIn: [],
    spoolBegan: [],
    spoolEnded: [],
    spoolDrained: [],
    spoolFound: [],
    spoolRefused: [],
    spoolSetAside: [],
    spoolFailed: [],
    spoolRecovered: [],
    spoolFilling: [],
    spoolAtRisk: [],
    spoolLeft: [],
    webhooksWrong: [],
    webhooksRight: [],
    webhookResumed: [],
    guardianFailed: [],
    outageEnded: [],
    outageNearsLimit: [],
  }
  return {
    facts,
    batchReceived: (fact) => facts.batchReceived.push(fact),
    requestRefused: (fact) => facts.requestRefused.push(fact),
    batchUnpacked: (fact) => facts.batchUnpacked.push(fact),
    unpackFailed: (fact) => facts.unpackFailed.push(fact),
    attemptEnded: (fact) => facts.attemptEnded.push(fact),
    handlerStarted: (fact) => facts.handlerStarted.push(fact),
    handlerEnded: (fact) => facts.handlerEnded.push(fact),
    handlerForgotten: (fact) => facts.handlerForgotten.push(fact),
    handlerWrote: (fact) => facts.handlerWrote.push(fact),
    handlerOutputDropped: (fact) => facts.handlerOutputDropped.push(fact),
    storeCommitted: (fact) => facts.storeCommitted.push(fact),
    storeFailed: (fact) => facts.storeFailed.push(fact),
    storeRecovered: () => facts.storeRecovered.push(undefined),
    pruned: (fact) => facts.pruned.push(fact),
    tracesFailed: (fact) => facts.tracesFailed.push(fact),
    adminFailed: (fact) => facts.adminFailed.push(fact),
    replayed: (fact) => facts.replayed.push(fact),
    erased: (fact) => facts.erased.push(fact),
    handlerPaused: (fact) => facts.handlerPaused.push(fact),
    pieceRequeued: (fact) => facts.pieceRequeued.push(fact),
    signedIn: (fact) => facts.signedIn.push(fact),
    spoolBegan: (fact) => facts.spoolBegan.push(fact),
    spoolEnded: (fact) => facts.spoolEnded.push(fact),
    spoolDrained: (fact) => facts.spoolDrained.push(fact),
    spoolFound: (fact) => facts.spoolFound.push(fact),
    spoolRefused: (fact) => facts.spoolRefused.push(fact),
    spoolSetAside: (fact) => facts.spoolSetAside.push(fact),
    spoolFailed: (fact) => facts.spoolFailed.push(fact),
    spoolRecovered: () => facts.spoolRecovered.push(undefined),
    spoolFilling: (fact) => facts.spoolFilling.push(fact),
    spoolAtRisk: (fact) => facts.spoolAtRisk.push(fact),
    spoolLeft: (fact) => facts.spoolLeft.push(fact),
    webhooksWrong: (fact) => facts.webhooksWrong.push(fact),
    webhooksRight: (fact) => facts.webhooksRight.push(fact),
    webhookResumed: (fact) => facts.webhookResumed.push(fact),
    guardianFailed: (fact) => facts.guardianFailed.push(fact),
    outageEnded: (fact) => facts.outageEnded.push(fact),
    outageNearsLimit: (fact) => facts.outageNearsLimit.push(fact),
    counts: refuse,
    recent: refuse,
  }
}

function refuse(): never {
  throw new Error('Nobody asks this observer.')
}

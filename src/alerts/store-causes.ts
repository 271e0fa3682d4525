import { formatCounted } from '../counted.ts'
import type { Causes, Figures } from './cause.ts'

const DISK_PERCENT = 90
const SPOOL_DISK_PERCENT = 80

const STORE_FAILURES: Readonly<Record<string, readonly [text: string, remedy: string]>> = {
  store_full: ['the disk is full', 'Free space on the disk of DATA_DIR: it goes on by itself.'],
  store_broken: ['the disk lost what was written to it', 'Start again on a healthy disk.'],
  store_gone: ['the files of the store were removed', 'Start again on what is there now.'],
  store_unusable: ['the store cannot be written', 'Check its path, its rights and its disk.'],
  store_busy: ['the store does not answer in time', 'Look at the store, its disk and the load.'],
}

/** For which nothing is accepted, or soon may not be. */
export function* findStoreCauses(figures: Figures): Causes {
  yield* findAcceptance(figures)
  yield* findSpool(figures)
  const { diskUsedPercent = 0, storeState } = figures
  // Once it is full, that is the cause.
  if (diskUsedPercent < DISK_PERCENT || storeState === 'store_full') return
  yield {
    cause: 'disk',
    text: `The disk of DATA_DIR is ${diskUsedPercent} % full.`,
    remedy: 'Free space before it is full: from then on nothing is accepted.',
  }
}

/** As `/readyz` says it while the spool takes what comes. */
const AWAY = /the store (is away|was never opened) since (\S+)/

function* findAcceptance({ isReady, storeState, spool }: Figures): Causes {
  if (isReady && storeState === 'ok') return
  const [, away, since = ''] = AWAY.exec(storeState) ?? []
  if (isReady && away) {
    yield {
      cause: 'store',
      since: Date.parse(since),
      text: `The store ${away}: ${formatCounted(spool?.waiting ?? 0, 'batch waits', 'batches wait')} in the spool.`,
      remedy: 'Bring PostgreSQL back: the spool then moves into it by itself. The log says more.',
    }
    return
  }
  const [why, remedy] = STORE_FAILURES[storeState] ?? [
    storeState === 'ok' ? 'the receiver is not up' : storeState.replace(/^degraded: /, ''),
    'Look at /readyz, at the log, and at the store.',
  ]
  yield isReady
    ? { cause: 'store', text: `The store fails: ${why}.`, remedy }
    : { cause: 'not_ready', text: `Not accepting webhooks: ${why}.`, remedy }
}

function* findSpool({ spool, watched, diskUsedPercent = 0 }: Figures): Causes {
  if (!spool) return
  if (watched.spoolFailedAt !== undefined) {
    yield {
      cause: 'spool',
      since: watched.spoolFailedAt,
      text: 'The spool cannot keep batches: while the store is away, nothing is accepted.',
      remedy: 'Look at the disk of DATA_DIR, and at the log.',
    }
  }
  if (spool.refused > 0) {
    yield {
      cause: 'spool_refused',
      text: `The store refuses ${formatCounted(spool.refused, 'batch', 'batches')} of the spool.`,
      remedy: 'They stay in the spool and are tried again after a start; the log says why.',
      amount: spool.refused,
    }
  }
  if (spool.waiting > 0 && diskUsedPercent >= SPOOL_DISK_PERCENT) {
    yield {
      cause: 'spool_disk',
      text: `${formatCounted(spool.waiting, 'batch waits', 'batches wait')} in the spool, and its disk is ${diskUsedPercent} % full.`,
      remedy: 'Bring the store back, or give DATA_DIR more room.',
    }
  }
}

import type { Logger } from 'pino'
import { tameText } from './log-text.ts'
import type { SpoolObserver } from './observer.ts'

/** At most a few lines a second of one text and reason. */
export type LogSampled = (
  level: 'warn' | 'error',
  text: string,
  fields: { reason: string } & Record<string, unknown>,
) => void

/** What happens to the spool, as log lines. */
export function observeSpool(log: Logger, logSampled: LogSampled): SpoolObserver {
  return {
    spoolBegan({ code, detail }) {
      const text = 'store takes no batches; they are kept in the spool'
      logSampled('error', text, { reason: code, detail: tameText(detail) })
    },
    spoolEnded({ waiting }) {
      log.info({ waiting }, 'store takes batches again')
    },
    spoolDrained(fact) {
      log.info(fact, 'spool is drained')
    },
    spoolFound(fact) {
      log.warn(fact, 'batches of an earlier run wait in the spool')
    },
    spoolRefused({ batch, detail }) {
      const text = 'store refuses a batch; it stays in the spool, and is tried again after a start'
      log.error({ batch, detail: tameText(detail) }, text)
    },
    spoolSetAside({ file, code, detail }) {
      const text = 'spool could not be used: it was moved aside with what it held, a new one begun'
      log.error({ file, reason: code, detail: tameText(detail) }, text)
    },
    spoolFailed({ code, detail }) {
      const text = 'spool cannot keep batches; while the store is away, nothing is acknowledged'
      logSampled('error', text, { reason: code, detail: tameText(detail) })
    },
    spoolRecovered() {
      log.info('spool can keep batches again')
    },
    spoolFilling(fact) {
      log.error(fact, 'disk of the spool is filling up')
    },
    spoolAtRisk(fact) {
      const text = 'spool is lost with its container; put DATA_DIR on a volume'
      log.warn(fact, text)
    },
    spoolLeft(fact) {
      const text = 'stopped with batches in the spool; they go on after a start with this DATA_DIR'
      log.error(fact, text)
    },
  }
}

import { folderOfStore, inspectFolder, inspectStore } from '../../store/inspect-store.ts'
import { describeError } from '../describe-error.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Patient } from './patient.ts'

const GIGABYTE = 1024 ** 3
const LITTLE_BYTES = GIGABYTE
const NEARLY_FULL_PERCENT = 90

const store = findingsOf('store')
const disk = findingsOf('disk')

/** Whether what is acknowledged survives a crash; the store is only looked at. */
export async function checkStore({ settings }: Patient): Promise<Finding[]> {
  try {
    const { facts, dangers } = await inspectStore(settings)
    if (dangers.length === 0) return [store.ok(facts.join(', '))]
    return dangers.map((danger) => store.warning(...splitSentences(danger)))
  } catch (error) {
    return [
      store.failed(
        `The store ${settings.storeLabel} cannot be looked at. ${describeError(error)}`,
        'See that the database runs and can be reached from here.',
      ),
    ]
  }
}

/** Whether the disk keeps what is written to it, and has room. */
export async function checkDisk({ settings }: Patient): Promise<Finding[]> {
  const folder = folderOfStore(settings)
  try {
    const { freeBytes, usedPercent, dangers } = await inspectFolder(folder)
    const free = `${(freeBytes / GIGABYTE).toFixed(1)} GB free, ${usedPercent} % used, at ${folder}`
    const isShort = freeBytes < LITTLE_BYTES || usedPercent >= NEARLY_FULL_PERCENT
    const room = isShort
      ? disk.warning(`${free}.`, 'Make room: with a full disk every batch is answered 503.')
      : disk.ok(free)
    return [...dangers.map((danger) => disk.warning(...splitSentences(danger))), room]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return [
      disk.warning(
        `The folder ${folder} cannot be looked at (${code ?? 'unknown error'}).`,
        'Run this where the receiver runs, with its settings.',
      ),
    ]
  }
}

/** What is wrong, and, from the second sentence on, what to do. */
function splitSentences(text: string): [detail: string, remedy: string] {
  const end = text.indexOf('. ') + 1
  return end === 0 ? [text, 'Look into it.'] : [text.slice(0, end), text.slice(end + 1)]
}

import { describe, expect, it } from 'vitest'
import { createObserver } from '../../src/observe/create-observer.ts'
import type { Observer } from '../../src/observe/observer.ts'
import { captureLog } from './captured-log.ts'

function observe() {
  const captured = captureLog({ level: 'debug' })
  return { ...captured, observer: createObserver({ log: captured.log, now: () => 1_000_000 }) }
}

describe('what happens to the spool', () => {
  type Row = [name: string, happen: (observer: Observer) => void, level: string, fields: object]
  it.each<Row>([
    [
      'its begin',
      (it) => it.spoolBegan({ code: 'store_busy', detail: 'x' }),
      'error',
      { reason: 'store_busy', detail: 'x' },
    ],
    ['its end', (it) => it.spoolEnded({ waiting: 3 }), 'info', { waiting: 3 }],
    [
      'the last batch that left it',
      (it) => it.spoolDrained({ batches: 3, durationMs: 9 }),
      'info',
      { batches: 3, durationMs: 9 },
    ],
    ['batches of an earlier run', (it) => it.spoolFound({ batches: 3 }), 'warn', { batches: 3 }],
    [
      'a refused batch',
      (it) => it.spoolRefused({ batch: 'b1', detail: 'x' }),
      'error',
      { batch: 'b1', detail: 'x' },
    ],
    [
      'a file moved aside',
      (it) => it.spoolSetAside({ file: 'unusable.db', code: 'store_corrupt', detail: 'x' }),
      'error',
      { file: 'unusable.db', reason: 'store_corrupt' },
    ],
    [
      'its failure',
      (it) => it.spoolFailed({ code: 'store_full', detail: 'x' }),
      'error',
      { reason: 'store_full' },
    ],
    ['its recovery', (it) => it.spoolRecovered(), 'info', {}],
    [
      'a disk that fills up',
      (it) => it.spoolFilling({ usedPercent: 81, waiting: 3 }),
      'error',
      { usedPercent: 81, waiting: 3 },
    ],
    [
      'a directory in a container',
      (it) => it.spoolAtRisk({ directory: '/d' }),
      'warn',
      { directory: '/d' },
    ],
    ['a stop with batches in it', (it) => it.spoolLeft({ batches: 3 }), 'error', { batches: 3 }],
  ])('%s has one line of its level', (_name, happen, level, fields) => {
    const { observer, lines } = observe()
    happen(observer)
    expect(lines()).toHaveLength(1)
    expect(lines()[0]).toMatchObject({ level, ...fields })
  })

  it('is told without e-mail addresses', () => {
    const { observer, text } = observe()
    const detail = 'wrong value: user1@example.com'
    observer.spoolBegan({ code: 'store_busy', detail })
    observer.spoolRefused({ batch: 'b1', detail })
    observer.spoolSetAside({ file: 'f', code: 'store_corrupt', detail })
    observer.spoolFailed({ code: 'store_full', detail })
    expect(text()).not.toContain('example.com')
  })

  it('is told a few times a second only when a store comes and goes', () => {
    const { observer, lines } = observe()
    for (let n = 0; n < 100; n += 1) observer.spoolBegan({ code: 'store_busy', detail: 'x' })
    expect(lines()).toHaveLength(5)
  })
})

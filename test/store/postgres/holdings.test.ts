import { describe, expect, it } from 'vitest'
import { createHoldings } from '../../../src/store/postgres/leases.ts'

const LEASE_MS = 1_000

function openHoldings() {
  let time = 0
  const released: (readonly number[])[] = []
  const holdings = createHoldings<number>(
    async (but) => void released.push([...but]),
    () => time,
  )
  const fail = () => Promise.reject(new Error('no answer in time'))
  return {
    holdings,
    letGo: released,
    pass: (ms: number) => {
      time += ms
    },
    /** An answer is lost; what takes leases next lets go what nobody knows of. */
    async loseAnswer() {
      await expect(holdings.taking(fail)).rejects.toThrow('no answer')
      await holdings.taking(async () => {})
    },
  }
}

describe('what an engine was handed', () => {
  it('stays in its hands when the database was away for longer than a lease', async () => {
    const { holdings, letGo, pass, loseAnswer } = openHoldings()
    holdings.hold(1, LEASE_MS)
    pass(5 * LEASE_MS)
    await loseAnswer()
    expect(letGo).toEqual([[1]])
  })

  it('is let go once it is dropped', async () => {
    const { holdings, letGo, loseAnswer } = openHoldings()
    holdings.hold(1, LEASE_MS)
    holdings.hold(2, LEASE_MS)
    holdings.drop(1)
    await loseAnswer()
    expect(letGo).toEqual([[2]])
  })

  it('is forgotten when nobody names it for a lease while the database answers', async () => {
    const { holdings, letGo, pass } = openHoldings()
    for (const name of [1, 2]) holdings.hold(name, LEASE_MS, 1)
    holdings.hold(3, LEASE_MS, 2)
    pass(LEASE_MS)
    // 3 has been opened again since by somebody else.
    const named = [
      { name: 1, fence: 1 },
      { name: 3, fence: 1 },
    ]
    holdings.renewal(named, LEASE_MS)()
    holdings.hold(4, LEASE_MS)
    await holdings.taking(async () => {})
    expect(letGo).toEqual([[1, 4]])
  })

  it('is not forgotten by what was asked before it came, however late the answer', async () => {
    const { holdings, letGo, pass } = openHoldings()
    holdings.hold(1, LEASE_MS)
    const renew = holdings.renewal([{ name: 1 }], LEASE_MS)
    holdings.hold(2, LEASE_MS)
    pass(5 * LEASE_MS)
    renew()
    await holdings.taking(async () => {})
    expect(letGo).toEqual([])
  })

  it('is not let go as it is taken, when doubt comes at the same moment', async () => {
    const { holdings, letGo } = openHoldings()
    const first = holdings.taking(async () => {
      await new Promise(setImmediate)
      holdings.hold(1, LEASE_MS)
    })
    holdings.doubt(9)
    await Promise.all([first, holdings.taking(async () => {})])
    expect(letGo).toEqual([[1]])
  })

  it('is let go when it was doubted while others were let go', async () => {
    const letGo: (readonly number[])[] = []
    const holdings = createHoldings<number>(async (but) => {
      letGo.push([...but])
      if (letGo.length === 1) holdings.doubt(1)
    })
    for (const name of [1, 2]) holdings.hold(name, LEASE_MS)
    holdings.doubt(9)
    await holdings.taking(async () => {})
    expect(letGo).toEqual([[1, 2], [2]])
  })

  it('is not dropped by what was told of an opening before', async () => {
    const { holdings, letGo, loseAnswer } = openHoldings()
    holdings.hold(1, LEASE_MS, 2)
    holdings.drop(1, 1)
    await loseAnswer()
    expect(letGo).toEqual([[1]])
  })

  it('is let go by nobody as long as every answer has come and it is named', async () => {
    const { holdings, letGo } = openHoldings()
    await holdings.taking(async () => holdings.hold(1, LEASE_MS))
    await holdings.taking(async () => {})
    expect(letGo).toEqual([])
  })
})

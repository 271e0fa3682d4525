import { setTimeout as sleep } from 'node:timers/promises'
import acting from './acting.mjs'

await sleep(Number(process.env.LOADING_MS ?? 0))

export default acting

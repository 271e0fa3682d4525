import { writeSync } from 'node:fs'

/*
 * What this side needs of the globals, taken before the handler's module is loaded, which may patch
 * them. To be imported by name, and used instead of them.
 */

export const { parse, stringify } = JSON
export const { exit } = process
export const now: () => number = performance.now.bind(performance)
export const nextTurn = setImmediate
export const startTimer = setTimeout
export const startInterval = setInterval
export const write = writeSync
export const { AbortController, DOMException } = globalThis

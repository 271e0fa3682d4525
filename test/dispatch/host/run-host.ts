import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'
import {
  type HostSettings,
  INDEX_BYTES,
  kindOf,
  msOf,
  type PagePart,
  type ParentOrder,
  PROGRESS,
  SLOT_BYTES,
} from '../../../src/dispatch/channel-frames.ts'
import { type ChildFrame, childFrame } from '../../../src/dispatch/child-frame.ts'
import { builtFile } from '../../../src/own-files.ts'
import { onTestFinished } from '../../on-test-finished.ts'
import { PATIENCE_MS } from '../../patience-ms.ts'

// The built one: read from its sources, each of the children would bring a loader of its own.
const HOST = fileURLToPath(builtFile('handler-host.mjs'))
const MODULES = new URL('../modules/', import.meta.url)

export interface SentPage {
  readonly page: number
  readonly slot?: number
  readonly isAlone?: boolean
  /** Lists of events: those of one part each. An event given as text or bytes goes as it is. */
  readonly parts: readonly (readonly (object | string | Buffer)[])[]
  readonly facts?: Partial<Pick<PagePart, 'attempt' | 'provider' | 'source' | 'receivedAt'>>
}

/** An outcome as the child told it. */
export type Told = 'done' | 'retry' | 'dead' | 'returned'

export const KEY_BYTES = 16

/** The key that `send` gives to an event. */
export function keyOf(page: number, at: number): Buffer {
  const key = Buffer.alloc(KEY_BYTES, 0xab)
  key.writeUInt32LE(page, 0)
  key.writeUInt32LE(at, 4)
  return key
}

/** A child of its own process, driven over its channel as the parent would. */
export class RunningHost {
  readonly child: ChildProcess
  readonly frames: ChildFrame[] = []
  readonly output: string[] = []
  /** What the progress file said of each page when that was told, entry by entry. */
  readonly #entries = new Map<number, Uint32Array>()
  readonly #sent = new Map<number, { readonly slot: number; readonly size: number }>()
  exit: { code: number | null; signal: NodeJS.Signals | null } | undefined
  readonly #progressFd: number
  readonly #channel: Duplex
  #line = ''

  constructor(module: string, settings: HostSettings, env: Record<string, string> = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'host-'))
    this.#progressFd = openSync(join(folder, 'progress'), 'w+')
    rmSync(folder, { recursive: true })
    this.child = spawn(process.execPath, [HOST, module], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', this.#progressFd],
      detached: true,
      env: { PATH: process.env.PATH, ...env },
    })
    this.#channel = this.child.stdio[3] as Duplex
    this.#channel.setEncoding('utf8')
    this.#channel.on('data', (text: string) => this.#take(text))
    this.#channel.on('error', () => {})
    this.order({ begin: settings })
    for (const stream of [this.child.stdout, this.child.stderr] as Readable[]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.output.push(text))
    }
    this.child.once('close', (code, signal) => {
      this.exit = { code, signal }
    })
  }

  /** Sends pages in one write. */
  send(...pages: readonly SentPage[]): void {
    this.sendBytes(this.encode(...pages))
  }

  /** What `send` would send. */
  encode(...pages: readonly SentPage[]): Buffer {
    for (const { page, slot = 0, parts } of pages) {
      this.#sent.set(page, { slot, size: parts.flat().length })
    }
    return Buffer.concat(pages.map(encodePage))
  }

  sendBytes(bytes: Buffer): void {
    this.#channel.write(bytes)
  }

  order(order: ParentOrder): void {
    this.#channel.write(frame(order))
  }

  /** The parent has gone. */
  hangUp(): void {
    this.#channel.destroy()
  }

  /** How far each event is. */
  progress(slot: number, events: number): number[] {
    return [...this.entries(slot, events)].map(kindOf)
  }

  entries(slot: number, events: number): Uint32Array {
    const entries = new Uint32Array(events)
    readSync(this.#progressFd, entries, 0, entries.byteLength, slot * SLOT_BYTES)
    return entries
  }

  close(): void {
    if (this.exit === undefined && this.child.pid) process.kill(-this.child.pid, 'SIGKILL')
    closeSync(this.#progressFd)
  }

  /** What was told of the events of a page, by index. Fails when one was told twice. */
  toldOf(page: number): ReadonlyMap<number, Told> {
    const told = new Map<number, Told>()
    const note = (at: number, what: Told) => {
      if (told.has(at)) throw new Error(`Event ${at} of page ${page} was told before.`)
      told.set(at, what)
    }
    for (const { failures = [] } of this.frames) {
      for (const { page: its, at, kind } of failures) if (its === page) note(at, kind)
    }
    for (const [at, entry] of this.#entries.get(page)?.entries() ?? []) {
      if (kindOf(entry) === PROGRESS.done) note(at, 'done')
      if (kindOf(entry) === PROGRESS.returned) note(at, 'returned')
    }
    return told
  }

  count(page: number, what: Told): number {
    return [...this.toldOf(page).values()].filter((told) => told === what).length
  }

  /** How long each event of a page took that is told to be done. */
  doneMs(page: number): number[] {
    return [...(this.#entries.get(page) ?? [])].map(msOf)
  }

  get failures(): NonNullable<ChildFrame['failures']> {
    return this.frames.flatMap(({ failures }) => failures ?? [])
  }

  get logs(): NonNullable<ChildFrame['logs']> {
    return this.frames.flatMap(({ logs }) => logs ?? [])
  }

  #take(text: string): void {
    const lines = (this.#line + text).split('\n')
    this.#line = lines.pop() ?? ''
    for (const line of lines) {
      const told = childFrame.parse(JSON.parse(line))
      this.frames.push(told)
      for (const page of told.pages ?? []) {
        const { slot, size } = this.#sent.get(page) ?? { slot: 0, size: 0 }
        this.#entries.set(page, this.entries(slot, size))
      }
    }
  }
}

/** Starts a child with one of the modules beside these tests, or with a module given as text. */
export async function runHost(
  module: { readonly name: string } | { readonly text: string },
  { env, ...settings }: Partial<HostSettings> & { readonly env?: Record<string, string> } = {},
): Promise<RunningHost> {
  const path =
    'name' in module ? fileURLToPath(new URL(`${module.name}.mjs`, MODULES)) : write(module.text)
  const host = new RunningHost(
    path,
    { concurrency: undefined, timeoutMs: 20_000, ...settings },
    env,
  )
  onTestFinished(() => host.close())
  await waitUntil(() => host.frames.length > 0 || host.exit !== undefined)
  return host
}

export async function waitUntil(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { interval: 5, timeout: PATIENCE_MS })
}

export function frame(head: object, rest = Buffer.alloc(0)): Buffer {
  const text = Buffer.from(JSON.stringify(head))
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32LE(text.length, 0)
  lengths.writeUInt32LE(rest.length, 4)
  return Buffer.concat([lengths, text, rest])
}

function encodePage({ page, slot = 0, isAlone = false, parts, facts }: SentPage): Buffer {
  const index = Buffer.alloc(parts.flat().length * INDEX_BYTES)
  const chunks: Buffer[] = []
  let bytes = 0
  for (const [at, event] of parts.flat().entries()) {
    const isRaw = typeof event === 'string' || Buffer.isBuffer(event)
    const chunk = Buffer.from(isRaw ? (event as string) : JSON.stringify(event))
    index.writeUInt32LE(bytes, at * INDEX_BYTES)
    index.writeUInt32LE(chunk.length, at * INDEX_BYTES + 4)
    keyOf(page, at).copy(index, at * INDEX_BYTES + 8)
    // As in a body: something stands between two events.
    chunks.push(chunk, Buffer.from(', '))
    bytes += chunk.length + 2
  }
  const encoded = parts.map(
    (events): PagePart => ({
      provider: 'mailtrap',
      source: 'transactional',
      receivedAt: 1_768_651_300_000,
      attempt: 1,
      ...facts,
      events: events.length,
    }),
  )
  return frame({ page, slot, isAlone, parts: encoded }, Buffer.concat([index, ...chunks]))
}

function write(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'host-module-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'tested.mjs')
  writeFileSync(path, text)
  return path
}

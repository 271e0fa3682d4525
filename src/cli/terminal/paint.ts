import type { CommandContext, Output } from '../command-context.ts'

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const
export type Colour = keyof typeof CODES

/** Colours a text, or leaves it alone where colours are unwanted. */
export type Paint = (colour: Colour, text: string) => string

/** Colours on a terminal only; `NO_COLOR` turns them off. */
export function createPaint(output: Output, env: CommandContext['env']): Paint {
  const isOn = output.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
  return isOn ? (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[0m` : plain
}

export const plain: Paint = (_colour, text) => text

import { InvalidArgumentError } from 'commander'

/** For options that take a seed. */
export function readSeed(text: string): number {
  const seed = Number(text)
  if (/^\d+$/.test(text) && seed <= 0xffff_ffff) return seed
  throw new InvalidArgumentError('Give a whole number from 0 to 4294967295.')
}

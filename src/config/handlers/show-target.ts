import type {
  BuiltInOptions,
  PublishOptions,
  TableOptions,
} from '../../handlers/built-in/built-in-options.ts'
import type { BuiltIn, BuiltInKind } from '../../model.ts'

type Show<Options> = (options: Options) => string

const SHOW: { readonly [Kind in BuiltInKind]: Show<BuiltInOptions[Kind]> } = {
  forward: ({ url }) => showPlace(url),
  table: ({ url, name }: TableOptions) => `${showPlace(url)}, table ${name}`,
  publish: ({ url, subject, exchange }: PublishOptions) =>
    [
      showPlace(url),
      ...(exchange === undefined ? [] : [`exchange ${exchange}`]),
      ...(subject === undefined ? [] : [`subject ${subject}`]),
    ].join(', '),
}

/** Where a built-in handler takes its events, for people. What may be secret of an address is left out. */
export function showTarget({ kind, options }: BuiltIn): string {
  return (SHOW[kind] as Show<object>)(options)
}

/** Scheme, host and port; of PostgreSQL's socket its folder. */
function showPlace(address: string): string {
  const scheme = address.slice(0, address.indexOf('://') + 3)
  // With a socket it is no URL by the standard.
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.host) return `${scheme}${url.host}`
  const folder = new URLSearchParams(address.split('?')[1]).get('host') ?? ''
  return `${scheme}${folder}`
}

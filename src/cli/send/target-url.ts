import type { ProviderName } from '../../model.ts'

export interface AddressOptions {
  readonly provider: ProviderName
  readonly url?: string
}

/** Where to send: the address given, else this machine's receiver; with the token in its query. */
export function targetUrl({ provider, url }: AddressOptions, token?: string): URL {
  const target = new URL(url ?? `http://127.0.0.1:3000/webhooks/${provider}`)
  if (token !== undefined) target.searchParams.set('token', token)
  return target
}

/** The address for a person: without what may be secret. */
export function showUrl(url: URL): string {
  return `${url.origin}${url.pathname}`
}

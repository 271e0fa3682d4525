import type { Source } from '../model.ts'
import type { ProviderWebhook } from './management-api.ts'

/** A webhook of the provider that leads to a source of this receiver. */
export interface OwnWebhook {
  readonly webhook: ProviderWebhook
  readonly source: Source
}

export interface OwnWebhooks {
  readonly own: readonly OwnWebhook[]
  /** They lead to several hosts, and nothing says which of these is this receiver. */
  readonly isAmbiguous: boolean
}

/**
 * Those whose URL is that of a source: below `publicUrl`, or, without one, those with the path
 * `/webhooks/<source>` on whatever host.
 */
export function findOwnWebhooks(
  webhooks: readonly ProviderWebhook[],
  sources: readonly Source[],
  publicUrl: string | undefined,
): OwnWebhooks {
  const own = webhooks.flatMap((webhook) => {
    const source = sources.find(({ name }) => leadsTo(webhook.url, name, publicUrl))
    return source ? [{ webhook, source }] : []
  })
  const hosts = new Set(own.map(({ webhook }) => new URL(webhook.url).host))
  return { own, isAmbiguous: publicUrl === undefined && hosts.size > 1 }
}

function leadsTo(text: string, source: string, publicUrl: string | undefined): boolean {
  if (!URL.canParse(text)) return false
  const { origin, pathname } = new URL(text)
  const path = `/webhooks/${source}`
  if (publicUrl === undefined) return pathname === path
  const base = new URL(publicUrl)
  return origin === base.origin && pathname === `${base.pathname.replace(/\/+$/, '')}${path}`
}

/** Without credentials, token and whatever else may be secret. */
export function showWebhookUrl(text: string): string {
  if (!URL.canParse(text)) return 'an unreadable URL'
  const { origin, pathname } = new URL(text)
  return `${origin}${pathname}`
}

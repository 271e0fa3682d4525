const LONGEST = 200

/**
 * What failures have in common: the first line of the error, without what differs from one to the
 * next. Addresses go first, because they hold digits and may be anybody's.
 */
export function failureGroup(error: string | undefined): string {
  const line = (error ?? '').trim().split(/[\r\n]/, 1)[0] ?? ''
  const common = line
    .slice(0, 4 * LONGEST)
    .replace(/[^\s<>"'(),;:=]{1,128}@[^\s<>"'(),;:=]{1,255}/g, '…@…')
    .replace(/\b(?=[\da-f-]*\d)[\da-f]{8,}(?:-[\da-f]{4,}){0,8}\b/gi, '#')
    .replace(/\d+/g, '#')
  return common.slice(0, LONGEST) || '(no error text)'
}

const WORD = /^(?:[A-Z]?[a-z]{0,20}|[A-Z]{1,15})\d{0,4}$/
const VARIABLE_WORD = /^[A-Z]{0,15}\d{0,4}$/

/**
 * True for what is surely a path, and no secret that somebody put in its place: from a folder on, or
 * with a file's ending, and made of words. Random text has digits before letters, or mixed cases.
 */
export function looksLikePath(text: string): boolean {
  const hasPlace = /^(?:\.{1,2}|\/[^/]+)\/|\.(?:pem|key|crt|cer|txt|json|ya?ml|env)$/.test(text)
  return hasPlace && text.length <= 200 && text.split(/[/._-]/).every((word) => WORD.test(word))
}

/** True for what is surely a variable's name. A secret in upper-case hex digits has no `_`. */
export function looksLikeVariable(text: string): boolean {
  return text.includes('_') && text.split('_').every((word) => VARIABLE_WORD.test(word))
}

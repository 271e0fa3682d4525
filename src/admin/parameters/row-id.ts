const ROW_ID = /^[1-9]\d{0,14}$/

/**
 * Whether a text can be the id of a row here: decimal digits alone, as the lists show it. Stores
 * read ids as numbers, for which `1e0` and ` 01` would be 1 as well.
 */
export function isRowId(text: string): boolean {
  return ROW_ID.test(text)
}

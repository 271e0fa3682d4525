// @ts-check
import { make } from './elements.js'

/** A list of names with what they are; those without a value are left out. @param {[string, Node | string | null][]} facts */
export function factList(facts) {
  const given = facts.filter(([, value]) => value !== null && value !== '')
  const pairs = given.map(([name, value]) =>
    make('div', '', make('dt', '', name), make('dd', '', value ?? '')),
  )
  return make('dl', 'facts', ...pairs)
}

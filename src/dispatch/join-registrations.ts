import type { HandlerRegistration } from '../model.ts'

/** The newer registrations, and those of the older whose name and module they do not replace. */
export function joinRegistrations(
  newer: readonly HandlerRegistration[],
  older: readonly HandlerRegistration[],
): HandlerRegistration[] {
  const names = newer.map(({ name }) => name)
  const modules = newer.map(({ module }) => module)
  const kept = older.filter(
    ({ name, module }) => !names.includes(name) && !modules.includes(module),
  )
  return [...newer, ...kept]
}

import { buildAdmin } from '../admin/build-admin.ts'
import { runCommand } from './run-command.ts'

/** An admin listener, and commands that speak to it. */
export async function startAdmin(options: Parameters<typeof buildAdmin>[0] = {}) {
  const admin = buildAdmin(options)
  const { url } = await admin.listen()
  const run = (argv: readonly string[], others: Parameters<typeof runCommand>[1] = {}) =>
    runCommand([...argv, '--admin-url', url], others)
  return { ...admin, url, run }
}

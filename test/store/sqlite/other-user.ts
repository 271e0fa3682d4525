const NOBODY = 65_534

/** Does something as a user for whom the rights of files count, which they do not for root. */
export async function asOtherUser<Value>(work: () => Value | Promise<Value>): Promise<Value> {
  const user = process.geteuid?.()
  if (user !== 0) return await work()
  process.seteuid?.(NOBODY)
  try {
    return await work()
  } finally {
    process.seteuid?.(user)
  }
}
